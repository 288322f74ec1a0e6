"""A tower in two stages: the frozen beginning, which gives the same output every time, and the rest, which learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from hairsplit.encoders.blocks import Calls
from hairsplit.encoders.dual_encoder import DualEncoder, unit

Tower = Literal["image", "text"]
PLAIN = Calls()
"""Blocks as they are."""


@dataclass(frozen=True)
class Stages:
    """One tower as a chain of steps: embeddings, each block, final norm, projection.

    The first `frozen` steps hold no learning parameter. `rest(prefix(x, at), at)` is what `encode_image` or
    `encode_text` gives for x, in value and in gradient. Of the last block's output only one position is read, `at`, so
    its query, output projection and MLP are computed there alone; keys and values need all positions.

    The blocks' parts are called one by one, which an engine that shards each block by hooks on it cannot follow.
    """

    tower: Tower
    embed: tuple[nn.Module, ...]
    blocks: tuple[nn.Module, ...]
    norm: nn.Module
    projection: nn.Module
    frozen: int
    calls: Calls = PLAIN
    """Of `rest` and `whole`; the frozen stage is always run as it is, for what is kept of it to be the same."""
    all_positions: bool = False
    """The last block and what follows are computed at all positions, and what comes out is the projection of each, not
    scaled to unit length: as `project_image` and `project_text`, [N, L, D] where it says [N, D]."""

    @property
    def steps(self) -> int:
        """Of the chain: the embeddings, the blocks, the final norm, the projection with the scaling to unit length."""
        return len(self.blocks) + 3

    @property
    def is_pooled(self) -> bool:
        """Whether the frozen stage ends behind the last block: its output has one position."""
        return self.frozen > len(self.blocks)

    @torch.no_grad()
    def prefix(self, x: Tensor, at: Int64[Tensor, " N"]) -> Tensor:
        """What the frozen steps make of pixels [N, 3, H, W] or token ids [N, L].

        Hidden states [N, L, width] up to the last block, [N, width] behind it, [N, D] where all steps are frozen; the
        input itself where none is.
        """
        return self._run(x, at, 0, self.frozen, PLAIN)

    def rest(self, features: Tensor, at: Int64[Tensor, " N"]) -> Float[Tensor, "N ..."]:
        """Unit embeddings from what `prefix` gave; `at` is the position that is read, see `position`."""
        return self._run(features, at, self.frozen, self.steps, self.calls)

    def whole(self, x: Tensor, at: Int64[Tensor, " N"]) -> Float[Tensor, "N ..."]:
        """All steps, the last block at all positions too: the same dropouts in the same order as the model itself."""
        last, frozen = len(self.blocks), min(self.frozen, len(self.blocks))
        hidden = self._run(self._run(x, at, 0, frozen, PLAIN), at, frozen, last, self.calls)
        full = (PLAIN if self.frozen > last else self.calls).everywhere(self.blocks[-1], hidden, self.tower == "text")
        read = full if self.all_positions else full[torch.arange(len(full), device=full.device), at]
        return self._run(read, at, last + 1, self.steps, self.calls)

    def _run(self, x: Tensor, at: Int64[Tensor, " N"], start: int, stop: int, calls: Calls) -> Tensor:
        last, causal = len(self.blocks), self.tower == "text"
        for step in range(start, stop):
            if step == 0:
                for module in self.embed:
                    x = module(x)
            elif step < last or (step == last and self.all_positions):
                x = calls.everywhere(self.blocks[step - 1], x, causal)
            elif step == last:
                x = calls.at_one(self.blocks[-1], x, at, causal)
            elif step == last + 1:
                x = self.norm(x)
            else:
                x = self.projection(x) if self.all_positions else unit(self.projection(x))
        return x


def stages(encoder: DualEncoder, tower: Tower, *, all_positions: bool = False) -> Stages | None:
    """Split a tower by what learns at this moment; None where its attention is not PyTorch's (`sdpa`).

    A module that holds a learning parameter anywhere, an adapter say, is not frozen, nor is anything behind it. Where
    all positions are wanted, the frozen stage ends before the last block, so that it is the same as ever.
    """
    model = encoder.model
    config = model.config.vision_config if tower == "image" else model.config.text_config
    if config._attn_implementation != "sdpa":
        return None
    if tower == "image":
        vision = model.vision_model
        embed: tuple[nn.Module, ...] = (vision.embeddings, vision.pre_layrnorm)
        blocks, norm, projection = encoder.vision_blocks, vision.post_layernorm, model.visual_projection
    else:
        text = model.text_model
        embed, blocks = (text.embeddings,), encoder.text_blocks
        norm, projection = text.final_layer_norm, model.text_projection
    chain: list[Sequence[nn.Module]] = [embed, *([block] for block in blocks), [norm], [projection]]
    frozen = next((n for n, step in enumerate(chain) if not _is_frozen(step)), len(chain))
    if all_positions:
        frozen = min(frozen, len(blocks))
    return Stages(tower, embed, tuple(blocks), norm, projection, frozen, all_positions=all_positions)


def position(encoder: DualEncoder, ids: Int64[Tensor, "N L"]) -> Int64[Tensor, " N"]:
    """Where a text is read: at its first end token, or at its beginning where it has none."""
    return (ids == encoder.tokenizer.eos).int().argmax(dim=-1)


def drops(module: nn.Module) -> bool:
    """Whether a dropout within is active, so that the same input gives another output each time."""
    active = (one for one in module.modules() if one.training)
    rates = (one.p if isinstance(one, nn.Dropout) else getattr(one, "dropout", 0.0) for one in active)
    return any(isinstance(rate, float) and rate > 0 for rate in rates)


def _is_frozen(step: Sequence[nn.Module]) -> bool:
    return not any(p.requires_grad for module in step for p in module.parameters())
