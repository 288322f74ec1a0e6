"""The last block in closed form: what moving one position does to the embedding, at many nodes at once, no autograd.

Of the last block's output one position is read, so each of the others acts through its key and value alone. Along a
straight line X = r + alpha D a LayerNorm is affine but for one number per position, its standard deviation, so the
key and value projections of all nodes come from those of r and D.
"""

from dataclasses import dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import jvp
from torch.nn.functional import linear
from transformers.models.clip.modeling_clip import CLIPMLP, CLIPAttention, CLIPEncoderLayer

_WATCHING = "transformers.utils.output_capturing"
"""Of hooks that transformers leaves on a model of which attentions were once asked; they change nothing."""


@dataclass(frozen=True)
class Block:
    """A pre-norm block, its parts by their role."""

    norm1: nn.LayerNorm
    query: nn.Module
    key: nn.Module
    value: nn.Module
    out: nn.Module
    norm2: nn.LayerNorm
    widen: nn.Module
    activation: nn.Module
    narrow: nn.Module
    heads: int
    scale: float
    """Of query-key products."""


@dataclass(frozen=True)
class LastBlock(Block):
    """One whose output is read at one position, then normed and projected."""

    norm: nn.LayerNorm
    projection: nn.Module


def may_be_changed(module: nn.Module) -> bool:
    """Whether a forward hook stands on it or in it, other than those with which transformers keeps attentions."""
    hooks = (h for one in module.modules() for h in (*one._forward_hooks.values(), *one._forward_pre_hooks.values()))
    return any(getattr(hook, "__module__", "") != _WATCHING for hook in hooks)


def block_parts(block: nn.Module) -> Block | None:
    """The parts of transformers' CLIPEncoderLayer; None for anything else, and where a hook may change what it does."""
    layer = cast(Any, block)
    if may_be_changed(block):
        return None
    if type(block) is not CLIPEncoderLayer or type(layer.self_attn) is not CLIPAttention:
        return None
    norms = (layer.layer_norm1, layer.layer_norm2)
    if type(layer.mlp) is not CLIPMLP or any(type(one) is not nn.LayerNorm for one in norms):
        return None
    attention, mlp = layer.self_attn, layer.mlp
    return Block(
        layer.layer_norm1,
        *(attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj),
        layer.layer_norm2,
        *(mlp.fc1, mlp.activation_fn, mlp.fc2),
        attention.num_heads,
        attention.scale,
    )


def last_block(block: nn.Module, norm: nn.Module, projection: nn.Module) -> LastBlock | None:
    """The parts of the last block and of what follows it; None if any is unlike CLIP's."""
    parts = block_parts(block)
    if parts is None or may_be_changed(norm) or may_be_changed(projection) or type(norm) is not nn.LayerNorm:
        return None
    return LastBlock(**{one.name: getattr(parts, one.name) for one in fields(parts)}, norm=norm, projection=projection)


@dataclass(frozen=True)
class LineCache:
    """What all nodes of one line share: LayerNorm 1 of its ends, and their keys and values."""

    start: Tensor
    """[L, W], the positions that the read one sees."""
    step: Tensor
    """[L, W]."""
    moments: tuple[Tensor, Tensor, Tensor]
    """Variance of the start, covariance of both ends, variance of the stop, [L] each."""
    query: tuple[Tensor, Tensor, Tensor]
    """Of the position that is read: of the start, of the step, of the offset; [heads, V] each."""
    key: tuple[Tensor, Tensor, Tensor]
    """[L, heads, V], [L, heads, V], [heads, V]."""
    value: tuple[Tensor, Tensor, Tensor]
    """As `key`."""
    at: int


def line_cache(block: LastBlock, start: Tensor, step: Tensor, at: int) -> LineCache:
    """Project the ends of a line, [L, W] each, once for all nodes; `at` is the position that is read."""
    first, move = (one - one.mean(-1, keepdim=True) for one in (start, step))
    last = first + move
    moments = tuple((a * b).mean(-1) for a, b in ((first, first), (first, last), (last, last)))
    weight, bias = block.norm1.weight, block.norm1.bias
    ends = [first, move] if weight is None else [weight * first, weight * move]
    offset = torch.zeros_like(first[0]) if bias is None else bias

    def projected(module: nn.Module, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        first, second = (heads(block, matrix(module, end[rows])) for end in ends)
        return first, second, heads(block, module(offset))

    here, everywhere = slice(at, at + 1), slice(None)
    query, key, value = (
        projected(module, rows)
        for module, rows in ((block.query, here), (block.key, everywhere), (block.value, everywhere))
    )
    return LineCache(start, step, cast(Any, moments), query, key, value, at)


def block_values(block: LastBlock, line: LineCache, alpha: Tensor) -> Tensor:
    """Embeddings [N, D], not scaled, at nodes [N]."""
    return _read(block, line, alpha).embedding


def block_contributions(block: LastBlock, line: LineCache, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings [N, D] at nodes [N], and how fast each position moves them along the line, [N, L, D]; not scaled."""
    here = _read(block, line, alpha)
    key, value, query = (
        _slope(part, here, rows) for part, rows in ((line.key, None), (line.value, None), (line.query, line.at))
    )
    pull = block.scale * torch.einsum("nhv,nlhv->nlh", here.query, key)  # of the score of position l, if l moves
    moved = value + pull.unsqueeze(-1) * (here.value - here.seen.unsqueeze(1))
    moved = here.weights.unsqueeze(-1) * moved  # [N, L, heads, V]
    turn = here.weights * block.scale * torch.einsum("nhv,nlhv->nlh", query[:, 0], here.key)
    own = torch.einsum("nlh,nlhv->nhv", turn, here.value - here.seen.unsqueeze(1))  # the query moves as well
    moved[:, line.at] += own
    y = matrix(block.out, moved.flatten(2))  # [N, L, W]
    y[:, line.at] += line.step[line.at]
    h = matrix(block.widen, norm_slope(block.norm2, here.middle, y))
    _, gain = activated(block, here.wide)
    z = y + matrix(block.narrow, gain.unsqueeze(1) * h)
    return here.embedding, matrix(block.projection, norm_slope(block.norm, here.output, z))


@dataclass(frozen=True)
class _Reading:
    """The block at N nodes, at the one position that is read."""

    alpha: Tensor
    """[N]."""
    sigma: Tensor
    """Standard deviation within LayerNorm 1, [N, L]."""
    sigma_slope: Tensor
    """[N, L]."""
    query: Tensor
    """[N, heads, V]."""
    key: Tensor
    """[N, L, heads, V]."""
    value: Tensor
    """[N, L, heads, V]."""
    weights: Tensor
    """Of attention, [N, L, heads]."""
    seen: Tensor
    """Weighted values, [N, heads, V]."""
    middle: Tensor
    """Behind attention, [N, W]."""
    wide: Tensor
    """Before the activation, [N, hidden channels of the MLP]."""
    output: Tensor
    """Behind the MLP, [N, W]."""
    embedding: Tensor
    """[N, D]."""


def _read(block: LastBlock, line: LineCache, alpha: Tensor) -> _Reading:
    along = alpha.unsqueeze(1)  # [N, 1]
    before, both, after = line.moments
    # written about both ends, so that neither is the small difference of large numbers
    variance = (1 - along).square() * before + 2 * along * (1 - along) * both + along.square() * after
    sigma = (variance.clamp(min=0) + block.norm1.eps).sqrt()  # [N, L]
    sigma_slope = ((1 - along) * (both - before) + along * (after - both)) / sigma
    at = line.at
    query = _point(line.query, alpha, sigma[:, at : at + 1])[:, 0]
    key, value = (_point(part, alpha, sigma) for part in (line.key, line.value))
    weights = (block.scale * torch.einsum("nhv,nlhv->nlh", query, key)).softmax(dim=1)
    seen = torch.einsum("nlh,nlhv->nhv", weights, value)
    middle = line.start[at] + along * line.step[at] + block.out(seen.flatten(1))
    wide = block.widen(block.norm2(middle))
    output = middle + block.narrow(block.activation(wide))
    embedding = block.projection(block.norm(output))
    return _Reading(alpha, sigma, sigma_slope, query, key, value, weights, seen, middle, wide, output, embedding)


def _point(part: tuple[Tensor, Tensor, Tensor], alpha: Tensor, sigma: Tensor) -> Tensor:
    start, step, offset = part
    return (start + alpha[:, None, None, None] * step) / sigma[..., None, None] + offset


def _slope(part: tuple[Tensor, Tensor, Tensor], here: _Reading, at: int | None) -> Tensor:
    """Derivative of `_point` along the line; `at`: of one position only."""
    rows = slice(None) if at is None else slice(at, at + 1)
    sigma, slope = here.sigma[:, rows, None, None], here.sigma_slope[:, rows, None, None]
    start, step, _ = part
    return step / sigma - (start + here.alpha[:, None, None, None] * step) * (slope / sigma.square())


def heads(block: Block, x: Tensor) -> Tensor:
    """[..., W] -> [..., heads, V]."""
    return x.reshape(*x.shape[:-1], block.heads, -1)


def activated(block: Block, wide: Tensor) -> tuple[Tensor, Tensor]:
    """The activation and its slope, number by number, whichever activation it is."""
    return cast(tuple[Tensor, Tensor], jvp(block.activation, (wide,), (torch.ones_like(wide),)))


def norm_slope(norm: nn.LayerNorm, x: Tensor, move: Tensor) -> Tensor:
    """Derivative of a LayerNorm at x [N, ..., W] in M directions [N, M, ..., W]."""
    centred = x - x.mean(-1, keepdim=True)
    sigma = (centred.square().mean(-1, keepdim=True) + norm.eps).sqrt()
    hat = (centred / sigma).unsqueeze(1)  # [N, 1, W]
    found = (move - move.mean(-1, keepdim=True) - hat * (hat * move).mean(-1, keepdim=True)) / sigma.unsqueeze(1)
    return found if norm.weight is None else norm.weight * found


def matrix(module: nn.Module, x: Tensor) -> Tensor:
    """An affine module without its offset; adapters beside a matrix are part of it."""
    if type(module) is nn.Linear:
        return linear(x, module.weight)
    return cast(Tensor, module(x) - module(torch.zeros_like(x[..., :1, :])))
