"""A tower in two stages: the frozen beginning, which gives the same output every time, and the rest, which learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from hairsplit.encoders.dual_encoder import DualEncoder, unit

Tower = Literal["image", "text"]


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
        return self._run(x, at, 0, self.frozen)

    def rest(self, features: Tensor, at: Int64[Tensor, " N"]) -> Float[Tensor, "N D"]:
        """Unit embeddings from what `prefix` gave; `at` is the position that is read, see `position`."""
        return self._run(features, at, self.frozen, self.steps)

    def _run(self, x: Tensor, at: Int64[Tensor, " N"], start: int, stop: int) -> Tensor:
        last, causal = len(self.blocks), self.tower == "text"
        for step in range(start, stop):
            if step == 0:
                for module in self.embed:
                    x = module(x)
            elif step < last:
                x = self.blocks[step - 1](x, None, is_causal=causal)
            elif step == last:
                x = _read(self.blocks[-1], x, at, causal=causal)
            elif step == last + 1:
                x = self.norm(x)
            else:
                x = unit(self.projection(x))
        return x


def stages(encoder: DualEncoder, tower: Tower) -> Stages | None:
    """Split a tower by what learns at this moment; None where its attention is not PyTorch's (`sdpa`).

    A module that holds a learning parameter anywhere, an adapter say, is not frozen, nor is anything behind it.
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
    return Stages(tower, embed, tuple(blocks), norm, projection, frozen)


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


def _read(
    block: nn.Module, hidden: Float[Tensor, "N L W"], at: Int64[Tensor, " N"], *, causal: bool
) -> Float[Tensor, "N W"]:
    """What transformers' CLIPEncoderLayer gives at one position of each row.

    Under a causal mask the position `at` sees the positions up to itself.
    """
    layer = cast(Any, block)
    attention = layer.self_attn
    rows = torch.arange(len(hidden), device=hidden.device)
    normed = layer.layer_norm1(hidden)
    query = _heads(attention.q_proj(normed[rows, at]).unsqueeze(1), attention.num_heads)  # [N, heads, 1, W / heads]
    key, value = (_heads(part(normed), attention.num_heads) for part in (attention.k_proj, attention.v_proj))
    mask = None
    if causal:
        mask = (torch.arange(hidden.shape[1], device=hidden.device) <= at.unsqueeze(1))[:, None, None]  # [N, 1, 1, L]
    dropout = attention.dropout if attention.training else 0.0
    seen = scaled_dot_product_attention(query, key, value, mask, dropout_p=dropout, scale=attention.scale)
    found: Tensor = hidden[rows, at] + attention.out_proj(seen.reshape(len(hidden), -1))
    read: Tensor = found + layer.mlp(layer.layer_norm2(found))
    return read


def _heads(x: Float[Tensor, "N L W"], heads: int) -> Float[Tensor, "N heads L V"]:
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)
