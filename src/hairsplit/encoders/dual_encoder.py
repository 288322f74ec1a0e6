"""One small interface over transformers' CLIPModel: images and texts in, unit embeddings out."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from annotated_types import Gt
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import CLIPConfig, CLIPModel

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_folder, write_json
from hairsplit.encoders import lora
from hairsplit.encoders._progress import no_progress_bar
from hairsplit.encoders.preprocess import OPENAI_MEAN, OPENAI_STD, Preprocess, Triple
from hairsplit.encoders.tokens import CONTEXT_LENGTH, Tokenizer
from hairsplit.encoders.weights import Activation

MAX_SCALE = 100.0
"""CLIP clips its logit scale here (Radford et al., 2021, section 2.5)."""


class DualEncoder(nn.Module):
    """A CLIP: image tower, text tower, logit scale, and the preprocessing and tokenizer that belong to them.

    Args:
        model: transformers' CLIPModel.
        tokenizer: Its ids must fit the model's vocabulary. The model's configuration is given the tokenizer's start
            and end ids: old files name wrong ones, and the end token is where a text is read.
        preprocess: Its size must be the model's image size.
        name: For reports.

    Raises:
        HairsplitError: The three do not fit together.
    """

    def __init__(self, model: CLIPModel, tokenizer: Tokenizer, preprocess: Preprocess, name: str = "clip") -> None:
        super().__init__()
        text, vision = model.config.text_config, model.config.vision_config
        if tokenizer.vocab_size > text.vocab_size:
            raise HairsplitError(
                f"the tokenizer has {tokenizer.vocab_size} ids, the model only {text.vocab_size}",
                where=name,
                hint="give the tokenizer that the model was trained with",
            )
        if preprocess.size != vision.image_size:
            raise HairsplitError(
                f"preprocessing makes {preprocess.size} px images, the model takes {vision.image_size} px",
                where=name,
                hint="mend crop_size in preprocessor_config.json",
            )
        text.bos_token_id, text.eos_token_id, text.pad_token_id = tokenizer.bos, tokenizer.eos, tokenizer.eos
        model.text_model.eos_token_id = tokenizer.eos
        self.model = model
        self.tokenizer = tokenizer
        self.preprocess = preprocess
        self.name = name
        self.learned = nn.ParameterDict()
        """Scalars that a loss learns beside the model, by name; a saved model does not hold them."""
        self.train(model.training)

    def encode_image(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
        """Unit embeddings, at least float32, of `pixels` made by `preprocess`."""
        pooled = self.model.vision_model(pixel_values=pixels).pooler_output  # [B, width]
        return unit(self.model.visual_projection(pooled))

    def encode_text(self, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B D"]:
        """Unit embeddings, at least float32, of token ids, padded with anything after the end token.

        Read at the first end token; attention is causal, so the padding needs no mask and changes nothing. A row
        without an end token is read at its first position.
        """
        hidden = self.model.text_model(input_ids=ids).last_hidden_state  # [B, L, width]
        end = (ids == self.tokenizer.eos).int().argmax(dim=-1)  # [B]
        pooled = hidden[torch.arange(len(ids), device=ids.device), end]
        return unit(self.model.text_projection(pooled))

    def project_image(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B P D"]:
        """Final states of all positions as `encode_image` projects one: the class token, then the patches by rows.

        None is scaled to unit length; that of the class token, scaled, is `encode_image`.
        """
        vision = self.model.vision_model
        hidden = vision.encoder(inputs_embeds=vision.pre_layrnorm(vision.embeddings(pixels))).last_hidden_state
        projected: Tensor = self.model.visual_projection(vision.post_layernorm(hidden))
        return projected

    def project_text(self, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B L D"]:
        """The same of token ids; behind the end token stands nothing of use."""
        projected: Tensor = self.model.text_projection(self.model.text_model(input_ids=ids).last_hidden_state)
        return projected

    def tokenize(self, texts: Sequence[str]) -> Int64[Tensor, "B L"]:
        """Token ids of texts, cut to the model's context length, L that of the longest."""
        return self.tokenizer.batch(texts, self.context_length)

    @property
    def scale(self) -> Float[Tensor, ""]:
        """1 / temperature: exp(logit_scale), at most 100; carries gradient."""
        exponent = cast(Tensor, self.model.logit_scale).reshape(())  # sharded, it is [1]
        return exponent.reshape(()).exp().clamp(max=MAX_SCALE)

    @property
    def context_length(self) -> int:
        """Positions of the text tower, start and end token included."""
        return cast(int, self.model.config.text_config.max_position_embeddings)

    @property
    def image_size(self) -> int:
        """Width and height of `pixels`."""
        return self.preprocess.size

    @property
    def embedding_width(self) -> int:
        """D, the length of an embedding."""
        return cast(int, self.model.config.projection_dim)

    @property
    def vision_blocks(self) -> nn.ModuleList:
        """The image tower's residual attention blocks, first to last."""
        return cast(nn.ModuleList, self.model.vision_model.encoder.layers)

    @property
    def text_blocks(self) -> nn.ModuleList:
        """The text tower's residual attention blocks, first to last."""
        return cast(nn.ModuleList, self.model.text_model.encoder.layers)

    def train(self, mode: bool = True) -> "DualEncoder":
        """As torch's, but a module in which nothing learns stays in eval mode."""
        super().train(mode)
        if mode:
            _rest(self)
        return self

    def parameters_hash(self) -> str:
        """blake2b over the names, shapes and bytes of all weights, adapters merged, 32 hex digits."""
        return weights_hash(sorted(lora.plain_state(self.model).items()))


def weights_hash(weights: Iterable[tuple[str, Tensor]]) -> str:
    """blake2b over names, shapes and bytes, in the order given, 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in weights:
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def unit(features: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
    """Unit length, in float32 even where autocast made the features bfloat16: losses subtract close cosines."""
    features = features.float() if features.dtype in (torch.bfloat16, torch.float16) else features
    return normalize(features, dim=-1)


def _rest(module: nn.Module) -> None:
    """Put every module with parameters, none of which learns, in eval mode."""
    parameters = list(module.parameters())
    if parameters and not any(p.requires_grad for p in parameters):
        module.eval()
        return
    for child in module.children():
        _rest(child)


@dataclass(frozen=True, kw_only=True)
class CLIPShape:
    """The shape of a new CLIP; the defaults are a small one for 48 px drawings."""

    image_size: Annotated[int, Gt(0)] = 48
    """Width and height of an image, pixels; a multiple of `patch`."""
    patch: Annotated[int, Gt(0)] = 8
    """Width and height of a patch, pixels."""
    vision_width: Annotated[int, Gt(0)] = 128
    """Channels of the image tower; a multiple of `vision_heads`."""
    vision_layers: Annotated[int, Gt(0)] = 3
    """Blocks of the image tower."""
    vision_heads: Annotated[int, Gt(0)] = 4
    """Attention heads of the image tower."""
    text_width: Annotated[int, Gt(0)] = 128
    """Channels of the text tower; a multiple of `text_heads`."""
    text_layers: Annotated[int, Gt(0)] = 3
    """Blocks of the text tower."""
    text_heads: Annotated[int, Gt(0)] = 4
    """Attention heads of the text tower."""
    embedding: Annotated[int, Gt(0)] = 128
    """Length of an embedding."""
    merges: int | None = 1024
    """Merges of the tokenizer, None for all; the vocabulary has 514 ids more."""
    context_length: Annotated[int, Gt(1)] = CONTEXT_LENGTH
    """Positions of the text tower, start and end token included."""
    activation: Activation = "quick_gelu"
    """Of the MLPs."""
    mlp_ratio: Annotated[int, Gt(0)] = 4
    """Hidden channels of an MLP for each channel of its tower."""
    mean: Triple = OPENAI_MEAN
    """Of the image normalisation."""
    std: Triple = OPENAI_STD
    """Of the image normalisation."""

    def __post_init__(self) -> None:
        parts = (
            ("image_size", self.image_size, "patch", self.patch),
            ("vision_width", self.vision_width, "vision_heads", self.vision_heads),
            ("text_width", self.text_width, "text_heads", self.text_heads),
        )
        for whole, value, part, divisor in parts:
            if divisor < 1 or value < 1 or value % divisor:
                raise HairsplitError(
                    f"{whole}={value} is no multiple of {part}={divisor}", where="CLIP shape", hint=f"change {part}"
                )


def new(shape: CLIPShape, seed: int = 0, name: str = "new") -> DualEncoder:
    """A CLIP with random weights, the same for the same seed; the global random state is left alone."""
    tokenizer = Tokenizer(shape.merges)
    shared: dict[str, Any] = {"hidden_act": shape.activation, "projection_dim": shape.embedding}
    config = CLIPConfig(
        vision_config={
            "hidden_size": shape.vision_width,
            "intermediate_size": shape.mlp_ratio * shape.vision_width,
            "num_hidden_layers": shape.vision_layers,
            "num_attention_heads": shape.vision_heads,
            "image_size": shape.image_size,
            "patch_size": shape.patch,
            **shared,
        },
        text_config={
            "hidden_size": shape.text_width,
            "intermediate_size": shape.mlp_ratio * shape.text_width,
            "num_hidden_layers": shape.text_layers,
            "num_attention_heads": shape.text_heads,
            "max_position_embeddings": shape.context_length,
            "vocab_size": tokenizer.vocab_size,
            "bos_token_id": tokenizer.bos,
            "eos_token_id": tokenizer.eos,
            "pad_token_id": tokenizer.eos,
            **shared,
        },
        projection_dim=shape.embedding,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIPModel(config).eval()
    return DualEncoder(model, tokenizer, Preprocess(shape.image_size, shape.mean, shape.std), name)


def save(encoder: DualEncoder, folder: Path, carry: Mapping[str, Tensor] | None = None) -> None:
    """Write a transformers folder (safetensors, configuration, preprocessing, tokenizer), whole or not at all.

    An older model in `folder` is replaced. Adapters are merged into the weights that are written, so that anyone can
    load them; they are kept alone as well, in the sub folder adapter, as peft writes them. What a loss learned beside
    the model, and what it hands on from step to step (`carry`), stand in loss.json where there is any: no model needs
    them, a reader of the run may.

    Raises:
        HairsplitError: `folder` holds something else, or cannot be written.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "config.json").is_file()):
        raise HairsplitError(
            "holds something that is no model; nothing was changed", where=str(folder), hint="choose another folder"
        )
    with atomic_folder(folder) as temporary:
        with no_progress_bar():
            encoder.model.save_pretrained(temporary, state_dict=lora.plain_state(encoder.model))
        encoder.preprocess.save(temporary)
        encoder.tokenizer.save(temporary)
        if lora.is_adapted(encoder.model):
            lora.save_adapter(encoder.model, temporary / lora.ADAPTER, encoder.name)
        if beside := {**encoder.learned, **(carry or {})}:
            write_json(temporary / "loss.json", {name: value.tolist() for name, value in beside.items()})


def load(spec: str | Path, *, activation: Activation | None = None, download: bool | None = None) -> DualEncoder:
    """Load the model that `spec` names, in float32 and eval mode.

    Args:
        spec: 'tiny'; a transformers folder; a run folder (its best checkpoint, else its last); OpenAI or open_clip
            weights (a file, `FILE@gelu` or `FILE@quick_gelu`, or a folder of open_clip's); or a hub id or OpenAI name
            such as ViT-B/32.
        activation: Of the MLPs, for a state dict whose file does not tell it.
        download: Whether a hub id may be fetched; None: if the environment has HAIRSPLIT_DOWNLOAD=1.

    Raises:
        HairsplitError: There is no such model here, or it is not a ViT CLIP.
    """
    from hairsplit.encoders._load import load_spec  # it imports this module

    return load_spec(spec, activation=activation, download=download)
