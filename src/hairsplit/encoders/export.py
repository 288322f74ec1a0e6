"""Writing a DualEncoder for OpenAI's code and for open_clip; for transformers, see `dual_encoder.save`."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, write_json
from hairsplit.encoders._files import OPEN_CLIP_CONFIG
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.weights import HEAD_WIDTH, StateDict, to_openai

OPEN_CLIP_WEIGHTS = "open_clip_model.safetensors"


def save_openai(encoder: DualEncoder, file: Path) -> None:
    """Write a state dict that OpenAI's `clip.load(file)` reads: float32 weights and its three numbers.

    Raises:
        HairsplitError: OpenAI's code, which takes QuickGELU and heads of 64 channels for granted, would run the model
            wrongly.
    """
    config = encoder.model.config
    for tower in (config.vision_config, config.text_config):
        if tower.hidden_act != "quick_gelu":
            raise _unfit(f"the model's activation is {tower.hidden_act}, OpenAI's code has quick_gelu only", file)
        if tower.hidden_size != HEAD_WIDTH * tower.num_attention_heads:
            raise _unfit(
                f"a head has {tower.hidden_size // tower.num_attention_heads} channels, OpenAI's code has {HEAD_WIDTH}",
                file,
            )
    numbers = {
        "input_resolution": config.vision_config.image_size,
        "context_length": config.text_config.max_position_embeddings,
        "vocab_size": config.text_config.vocab_size,
    }
    _write(to_openai(encoder.model) | {key: torch.tensor(value) for key, value in numbers.items()}, file)


def save_open_clip(encoder: DualEncoder, path: Path) -> None:
    """Write open_clip's weights and model configuration.

    A path with a weights suffix gets the state dict, and a configuration of the same stem beside it, for
    `open_clip.add_model_config`. Any other path becomes a folder for `open_clip.create_model("local-dir:FOLDER")`.
    open_clip brings its own full tokenizer: a model with fewer merges needs `encoder.tokenizer` there.
    """
    model_config = open_clip_config(encoder)
    state = to_openai(encoder.model)
    if path.suffix:
        _write(state, path)
        write_json(path.with_suffix(".json"), model_config)
        return
    preprocess = {
        "size": encoder.image_size,
        "mode": "RGB",
        "mean": list(encoder.preprocess.mean),
        "std": list(encoder.preprocess.std),
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    _write(state, path / OPEN_CLIP_WEIGHTS)
    write_json(path / OPEN_CLIP_CONFIG, {"model_cfg": model_config, "preprocess_cfg": preprocess})


def open_clip_config(encoder: DualEncoder) -> dict[str, Any]:
    """The model configuration of open_clip for `encoder`."""
    vision, text = encoder.model.config.vision_config, encoder.model.config.text_config
    return {
        "embed_dim": encoder.embedding_width,
        "quick_gelu": vision.hidden_act == "quick_gelu",
        "vision_cfg": {
            "image_size": vision.image_size,
            "layers": vision.num_hidden_layers,
            "width": vision.hidden_size,
            "head_width": vision.hidden_size // vision.num_attention_heads,
            "mlp_ratio": vision.intermediate_size / vision.hidden_size,
            "patch_size": vision.patch_size,
        },
        "text_cfg": {
            "context_length": text.max_position_embeddings,
            "vocab_size": text.vocab_size,
            "width": text.hidden_size,
            "heads": text.num_attention_heads,
            "layers": text.num_hidden_layers,
            "mlp_ratio": text.intermediate_size / text.hidden_size,
        },
    }


def _write(state: StateDict, file: Path) -> None:
    with atomic_file(file) as temporary:
        if file.suffix == ".safetensors":
            save_file(state, temporary, metadata={"format": "pt"})
        else:
            torch.save(state, temporary)


def _unfit(message: str, file: Path) -> HairsplitError:
    return HairsplitError(message, where=str(file), hint="convert it --to open_clip or --to transformers instead")
