"""Frozen work is done once: which parts of a run's towers never change, and what keeps their outputs."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from hairsplit.core.wording import counted
from hairsplit.data.pixel_cache import pixel_settings
from hairsplit.encoders.dual_encoder import DualEncoder, weights_hash
from hairsplit.encoders.machine import machine_settings
from hairsplit.encoders.stages import Tower, drops, stages
from hairsplit.losses import objectives
from hairsplit.train.config import TrainConfig
from hairsplit.train.embeddings_cache import Cache
from hairsplit.train.frozen_features import (
    LENGTHS,
    ROWS,
    ROWS_OF_A_GPU,
    Compute,
    FrozenCaptions,
    FrozenImages,
    Kept,
    KnownPictures,
    Passes,
    record,
)
from hairsplit.train.step import Towers

FORMAT = 1
"""To be raised when a frozen step computes another number than before."""
SHARDING = {"fsdp2": "shards them", "zero3": "shards them"} | dict.fromkeys(("zero1", "zero2"), "runs whole towers")
"""Engines whose hooks need whole towers, and why: where they cut weights up, no rank can run a frozen part alone."""


@dataclass(frozen=True)
class Part:
    """The frozen part of one tower."""

    tower: Tower
    compute: Compute
    settings: dict[str, Any]
    """What its output depends on, beside the content and how it is computed here."""
    shape: tuple[int, ...]
    """Of a feature; without the positions of a caption's hidden states."""
    pooled: bool
    dtype: torch.dtype
    """Of its weights."""


class FrozenWork:
    """The frozen parts of a run and what is kept of them.

    Args:
        config: The run's.
        encoder: With what learns set; its frozen weights must be those of the whole run.
        teacher: Of the reference model, in which nothing learns.
        device: Where both compute.
    """

    def __init__(self, config: TrainConfig, encoder: DualEncoder, teacher: Towers | None, device: torch.device) -> None:
        self._config, self._device, self._encoder = config, device, encoder
        self._cache = Cache(config.frozen_cache, config.frozen_cache_megabytes)
        own, self.off = _own_parts(config, encoder)
        reference: dict[Tower, Part] = {}
        if teacher is not None:
            reference = {"image": _whole(teacher.encoder, "image"), "text": _whole(teacher.encoder, "text")}
        self.lines = (*self.off, *_told(own, reference))
        """For the user: what is kept, and what is not and why."""
        self.images = self._images(own["image"]) if "image" in own else None
        self.captions = self._captions(own["text"]) if "text" in own else None
        self.reference_images = self._images(reference["image"]) if reference else None
        self.reference_captions = self._captions(reference["text"]) if reference else None
        if self.images is not None and self.reference_images is not None:
            if self.images.kept.store is self.reference_images.kept.store:  # one and the same tower
                self.reference_images = self.images
            else:
                self.reference_images.field = "reference_features"

    @property
    def pictures(self) -> KnownPictures | None:
        """What needs no pixels; None: every picture is needed in every step."""
        if self.images is None or not self._config.frozen_cache_megabytes:
            return None
        readers = [self.images, self.reference_images] if self.reference_images is not None else [self.images]
        return KnownPictures(list(dict.fromkeys(readers)))

    def attach(self, towers: nn.Module, teacher: Towers | None) -> None:
        """Let the towers, however an engine wrapped them, read what is kept."""
        for module in towers.modules():
            if isinstance(module, Towers):
                module.frozen_images, module.frozen_captions = self.images, self.captions
        if teacher is not None:
            teacher.frozen_images, teacher.frozen_captions = self.reference_images, self.reference_captions

    def close(self) -> None:
        """Close the files, and say how many records were damaged, if any."""
        if self._cache.damaged:
            told = f"frozen cache: {counted(self._cache.damaged, 'damaged record')} computed again"
            print(told, file=sys.stderr)  # noqa: T201
        self._cache.close()

    def _images(self, part: Part) -> FrozenImages:
        passes = self._passes(part)
        return FrozenImages(self._kept(part, passes, part.shape), passes)

    def _captions(self, part: Part) -> FrozenCaptions:
        passes = self._passes(part)
        vector = self._kept(part, passes, part.shape) if part.pooled else None

        def kept(length: int) -> Kept:
            return vector or self._kept(part, passes, (length, *part.shape))

        return FrozenCaptions(kept, passes, longest=self._encoder.context_length, pooled=part.pooled)

    def _passes(self, part: Part) -> Passes:
        given = torch.promote_types(part.dtype, torch.float32)
        rounded = self._config.frozen_cache_precision == "bf16" and not part.pooled
        context: Callable[[], AbstractContextManager[object]] = partial(
            torch.autocast, self._device.type, torch.bfloat16, enabled=self._config.precision == "bf16"
        )
        rows = ROWS if self._device.type == "cpu" else ROWS_OF_A_GPU
        return Passes(part.compute, context, rows, torch.bfloat16 if rounded else given, given)

    def _kept(self, part: Part, passes: Passes, shape: tuple[int, ...]) -> Kept:
        settings = {
            "what": "hairsplit frozen features",
            "format": FORMAT,
            **part.settings,
            "shape": shape,
            "dtype": str(passes.dtype),
            "precision": self._config.precision,
            "pass": [passes.rows, LENGTHS],
            **machine_settings(self._device),
        }
        text = json.dumps(settings, sort_keys=True)
        store = self._cache.store(text, record(shape, passes.dtype), yields=not part.pooled)
        return Kept(store, shape, passes.dtype)


def _own_parts(config: TrainConfig, encoder: DualEncoder) -> tuple[dict[Tower, Part], list[str]]:
    """The learning model's parts, and why others are left out."""
    parts: dict[Tower, Part] = {}
    off = []
    local = objectives.needs_local(config.objective)
    learning = encoder.training
    encoder.train()
    dropped = drops(encoder.model.text_model)
    encoder.train(learning)
    for tower in ("image", "text"):
        found = _part(encoder, tower, all_positions=local)
        if isinstance(found, str):
            off.append(f"frozen steps of the {tower} tower are computed in each step: {found}")
        elif found is not None and config.engine in SHARDING:
            why = f"{config.engine} {SHARDING[config.engine]}"
            off.append(f"frozen steps of the {tower} tower are computed in each step: {why}")
        elif found is not None and tower == "text" and dropped:
            off.append("frozen steps of the text tower are computed in each step: dropout is active in that tower")
        elif found is not None:
            parts[tower] = found
    return parts, off


def _part(encoder: DualEncoder, tower: Tower, *, all_positions: bool) -> Part | str | None:
    """The frozen part of a tower; None if it has no frozen block; a reason if it cannot be told apart."""
    split = stages(encoder, tower, all_positions=all_positions)
    if split is None:
        learns = all_positions or any(p.requires_grad for p in _modules(encoder, tower).parameters())
        return "its attention is not PyTorch's (sdpa)" if learns else _whole(encoder, tower)
    if split.frozen < 2:  # embeddings alone are computed as fast as they are read
        return None
    if split.frozen == split.steps:
        return _whole(encoder, tower)
    chain: list[Sequence[nn.Module]] = [split.embed, *([block] for block in split.blocks), [split.norm]]
    frozen = [module for step in chain[: split.frozen] for module in step]
    width = _config(encoder, tower).hidden_size
    shape = (_positions(encoder), width) if tower == "image" and not split.is_pooled else (width,)
    settings = _settings(encoder, tower, frozen) | {"steps": split.frozen}
    return Part(tower, split.prefix, settings, shape, split.is_pooled, encoder.model.dtype)


def _whole(encoder: DualEncoder, tower: Tower) -> Part:
    """A tower in which nothing learns."""
    split = stages(encoder, tower)

    def alone(x: Tensor, _at: Tensor) -> Tensor:
        return encoder.encode_image(x) if tower == "image" else encoder.encode_text(x)

    settings = _settings(encoder, tower, [_modules(encoder, tower)]) | {"steps": "all"}
    compute = alone if split is None else split.prefix
    return Part(tower, compute, settings, (encoder.embedding_width,), True, encoder.model.dtype)


def _modules(encoder: DualEncoder, tower: Tower) -> nn.ModuleList:
    model = encoder.model
    if tower == "image":
        return nn.ModuleList([model.vision_model, model.visual_projection])
    return nn.ModuleList([model.text_model, model.text_projection])


def _config(encoder: DualEncoder, tower: Tower) -> Any:
    return encoder.model.config.vision_config if tower == "image" else encoder.model.config.text_config


def _positions(encoder: DualEncoder) -> int:
    return cast(int, encoder.model.vision_model.embeddings.num_positions)


def _settings(encoder: DualEncoder, tower: Tower, modules: Sequence[nn.Module]) -> dict[str, Any]:
    config = _config(encoder, tower)
    names = ("hidden_act", "num_attention_heads", "layer_norm_eps", "_attn_implementation")
    weights = (
        (f"{number} {name}", value)
        for number, module in enumerate(modules)
        for name, value in sorted(module.state_dict().items())
    )
    found = {"tower": tower, "weights": weights_hash(weights)} | {name: getattr(config, name) for name in names}
    if tower == "image":
        prepared = encoder.preprocess
        found |= {"pixels": pixel_settings(prepared), "mean": list(prepared.mean), "std": list(prepared.std)}
    return found


def _told(own: dict[Tower, Part], reference: dict[Tower, Part]) -> list[str]:
    kept = [f"the {tower} tower's " + ("output" if part.pooled else "frozen blocks") for tower, part in own.items()]
    kept += ["the reference model's embeddings"] if reference else []
    return [f"computed once for each picture or caption: {', '.join(kept)}"] if kept else []
