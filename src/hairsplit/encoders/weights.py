"""CLIP weights between OpenAI's / open_clip's layout and transformers' CLIPModel, bit for bit.

Both layouts hold the same tensors: OpenAI packs query, key and value into one matrix and stores the projections
transposed. Vision transformers only: the ResNet CLIPs have no counterpart in transformers.
"""

import re
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.lora import plain_state

Activation = Literal["quick_gelu", "gelu"]
"""Of the MLPs: x·sigmoid(1.702 x) in OpenAI's models and their fine-tunes, GELU in most of open_clip's own."""
StateDict = dict[str, Tensor]

OPENAI_NUMBERS = ("input_resolution", "context_length", "vocab_size")
"""Entries of OpenAI's files that are no weights."""
HEAD_WIDTH = 64
"""Channels of an attention head in every model that OpenAI published; its own loader assumes it too."""
RESNET_HINT = "use a ViT model (B/32, B/16, L/14): transformers has no ResNet CLIP"

_BLOCKS = {"vision": "visual.transformer.resblocks", "text": "transformer.resblocks"}
_LAYERS = {"vision": "vision_model.encoder.layers", "text": "text_model.encoder.layers"}
_NAMES = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "visual.proj": "visual_projection.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "text_projection": "text_projection.weight",
    "logit_scale": "logit_scale",
}
_TRANSPOSED = ("visual.proj", "text_projection")
_PARTS = {
    "ln_1.": ("layer_norm1.",),
    "attn.in_proj_": ("self_attn.q_proj.", "self_attn.k_proj.", "self_attn.v_proj."),
    "attn.out_proj.": ("self_attn.out_proj.",),
    "ln_2.": ("layer_norm2.",),
    "mlp.c_fc.": ("mlp.fc1.",),
    "mlp.c_proj.": ("mlp.fc2.",),
}


def key_map(vision_layers: int, text_layers: int) -> dict[str, tuple[str, ...]]:
    """OpenAI's key -> transformers' key, or the three keys that it packs along the first dimension."""
    keys: dict[str, tuple[str, ...]] = {theirs: (ours,) for theirs, ours in _NAMES.items()}
    for tower, layers in (("vision", vision_layers), ("text", text_layers)):
        for n in range(layers):
            for theirs, parts in _PARTS.items():
                for kind in ("weight", "bias"):
                    ours = tuple(f"{_LAYERS[tower]}.{n}.{part}{kind}" for part in parts)
                    keys[f"{_BLOCKS[tower]}.{n}.{theirs}{kind}"] = ours
    return keys


def from_openai(state: Mapping[str, Tensor], where: str = "state dict") -> StateDict:
    """An OpenAI / open_clip state dict in transformers' layout; values and dtypes unchanged.

    Raises:
        HairsplitError: A ResNet CLIP, or keys that are missing or unknown (they are listed).
    """
    keys = _checked_keys(state, where)
    mapped: StateDict = {}
    for theirs, ours in keys.items():
        value = state[theirs].T if theirs in _TRANSPOSED else state[theirs]
        value = value.reshape(()) if theirs == "logit_scale" else value  # open_clip may keep it as [1]
        for name, part in zip(ours, value.chunk(len(ours)) if len(ours) > 1 else (value,), strict=True):
            mapped[name] = part.contiguous()
    return mapped


def to_openai(model: CLIPModel) -> StateDict:
    """The weights of a transformers CLIPModel in OpenAI's / open_clip's layout; values and dtypes unchanged.

    Adapters are merged first.
    """
    state: Mapping[str, Tensor] = plain_state(model)
    config = model.config
    packed: StateDict = {}
    for theirs, ours in key_map(config.vision_config.num_hidden_layers, config.text_config.num_hidden_layers).items():
        value = torch.cat([state[name] for name in ours]) if len(ours) > 1 else state[ours[0]]
        value = value.reshape(()) if theirs == "logit_scale" else value
        packed[theirs] = (value.T if theirs in _TRANSPOSED else value).detach().clone().contiguous()
    return packed


def infer_config(
    state: Mapping[str, Tensor],
    activation: Activation,
    *,
    heads: tuple[int, int] | None = None,
    where: str = "state dict",
) -> CLIPConfig:
    """The transformers configuration that an OpenAI / open_clip state dict belongs to, read off its shapes.

    Args:
        state: In OpenAI's layout.
        activation: Of the MLPs; shapes cannot tell it.
        heads: Attention heads of the vision and the text tower; None for 64 channels each, as all of OpenAI's have.
        where: Named in errors.

    Raises:
        HairsplitError: Not such a state dict, or its shapes contradict each other.
    """
    _checked_keys(state, where)
    width, _, patch, _ = state["visual.conv1.weight"].shape
    positions = state["visual.positional_embedding"].shape[0] - 1
    grid = round(positions**0.5)
    context, text_width = state["positional_embedding"].shape
    vocabulary = state["token_embedding.weight"].shape[0]
    if grid * grid != positions:
        raise HairsplitError(f"{positions} image positions are no square", where=where, hint="fetch the file again")
    heads = heads or _published_heads(width, text_width, where)
    projection = state["text_projection"].shape[1]
    shared = {"hidden_act": activation, "projection_dim": projection}
    return CLIPConfig(
        vision_config={
            "hidden_size": width,
            "intermediate_size": state[f"{_BLOCKS['vision']}.0.mlp.c_fc.weight"].shape[0],
            "num_hidden_layers": _layers(state, "vision"),
            "num_attention_heads": heads[0],
            "image_size": patch * grid,
            "patch_size": patch,
            **shared,
        },
        text_config={
            "hidden_size": text_width,
            "intermediate_size": state[f"{_BLOCKS['text']}.0.mlp.c_fc.weight"].shape[0],
            "num_hidden_layers": _layers(state, "text"),
            "num_attention_heads": heads[1],
            "max_position_embeddings": context,
            "vocab_size": vocabulary,
            "bos_token_id": vocabulary - 2,
            "eos_token_id": vocabulary - 1,
            "pad_token_id": vocabulary - 1,
            **shared,
        },
        projection_dim=projection,
    )


def _published_heads(vision_width: int, text_width: int, where: str) -> tuple[int, int]:
    for width in (vision_width, text_width):
        if width % HEAD_WIDTH:
            raise HairsplitError(
                f"a width of {width} does not say how many attention heads there are",
                where=where,
                hint="put open_clip's model configuration (open_clip_config.json) beside the file",
            )
    return vision_width // HEAD_WIDTH, text_width // HEAD_WIDTH


def build_model(
    state: Mapping[str, Tensor],
    activation: Activation,
    *,
    heads: tuple[int, int] | None = None,
    where: str = "state dict",
) -> CLIPModel:
    """A float32 transformers CLIPModel, in eval mode, holding an OpenAI / open_clip state dict.

    Args and errors: as `infer_config`.
    """
    config = infer_config(state, activation, heads=heads, where=where)
    with torch.device("meta"):  # no time for random weights that are replaced at once
        model = CLIPModel(config)
    values = {name: value.to(torch.float32, copy=True) for name, value in from_openai(state, where).items()}
    for name, value in values.items():
        expected = model.get_parameter(name).shape
        if value.shape != expected:
            raise HairsplitError(
                f"{name} is {list(value.shape)}, expected {list(expected)}", where=where, hint="fetch the file again"
            )
    model.load_state_dict(values, assign=True)
    for tower in (model.vision_model, model.text_model):  # buffers are in no state dict
        count = tower.embeddings.position_embedding.weight.shape[0]
        tower.embeddings.position_ids = torch.arange(count).expand((1, -1))
    model.set_attn_implementation("sdpa")
    return model.eval()


def _checked_keys(state: Mapping[str, Tensor], where: str) -> dict[str, tuple[str, ...]]:
    """The key map of a state dict that has exactly the keys of a ViT CLIP."""
    if any(key.startswith(("visual.layer1.", "visual.attnpool.")) for key in state):
        raise HairsplitError("this is a ResNet CLIP", where=where, hint=RESNET_HINT)
    keys = key_map(max(1, _layers(state, "vision")), max(1, _layers(state, "text")))
    missing = sorted(keys.keys() - state.keys())
    unknown = sorted(state.keys() - keys.keys() - set(OPENAI_NUMBERS))
    if missing or unknown:
        said = [f"{word} {_shortened(names)}" for word, names in (("missing", missing), ("unknown", unknown)) if names]
        raise HairsplitError(
            f"these are not the weights of a ViT CLIP: {'; '.join(said)}",
            where=where,
            hint="OpenAI's or open_clip's layout is expected, or a transformers folder",
        )
    return keys


def _layers(state: Mapping[str, Tensor], tower: str) -> int:
    pattern = re.compile(re.escape(_BLOCKS[tower]) + r"\.(\d+)\.")
    return max((int(match[1]) + 1 for key in state if (match := pattern.match(key))), default=0)


def _shortened(names: list[str], limit: int = 8) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
