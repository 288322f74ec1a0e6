"""Forward mode written out for CLIP's blocks: all directions share one pass of values, and autograd has no part in it.

`torch.func.jvp` repeats the values for every direction, and has LayerNorm's derivative in Python.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from hairsplit.explain.closed_form import Block, LastBlock, activated, matrix, norm_slope


def push(
    blocks: Sequence[Block], last: LastBlock, hidden: Tensor, moves: Tensor, at: int, *, causal: bool, still: int = 0
) -> tuple[Tensor, Tensor]:
    """Embeddings [N, D] at N points, and how fast each of M directions moves them, [N, M, D]; neither is scaled.

    Args:
        blocks: From the layer on that `hidden` enters, without the last.
        last: The last one, of which only position `at` is worked out.
        hidden: [N, L, W].
        moves: [M, L, W].
        at: Position that is read.
        causal: Whether positions see only themselves and those before.
        still: So many leading positions are the same at all points and in no direction move, of which `at` is none.
            Where attention is causal they stay so in every block, and are worked out once for all points.
    """
    ahead: Tensor | None = None  # [1, still, W]
    if causal:
        ahead = hidden[:1, :still] if still else None
        hidden, moves = hidden[:, still : at + 1], moves[:, still : at + 1]
        at -= still
    moved = moves.unsqueeze(0).expand(len(hidden), -1, -1, -1)  # [N, M, L, W]
    for block in blocks:
        hidden, moved = _block(block, hidden, moved, slice(None), causal=causal, ahead=ahead)
        if ahead is not None:
            ahead, _ = _block(block, ahead, ahead.new_zeros(1, 0, *ahead.shape[1:]), slice(None), causal=True)
    output, moved = _block(last, hidden, moved, slice(at, at + 1), causal=causal, ahead=ahead)
    slope = norm_slope(last.norm, output[:, 0], moved[:, :, 0])
    return last.projection(last.norm(output[:, 0])), matrix(last.projection, slope)


def _block(
    block: Block, hidden: Tensor, moved: Tensor, rows: slice, *, causal: bool, ahead: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Values and moves of the positions `rows` behind a block; `ahead` stand before them, seen by all and still."""
    length = hidden.shape[1]

    def split(x: Tensor) -> Tensor:
        # not `heads`, which cannot tell the size of a head from no directions
        return x.reshape(*x.shape[:-1], block.heads, x.shape[-1] // block.heads).transpose(-3, -2)

    normed, slope = block.norm1(hidden), norm_slope(block.norm1, hidden, moved)
    query, query_move = split(block.query(normed[:, rows])), split(matrix(block.query, slope[:, :, rows]))
    key, key_move = split(block.key(normed)), split(matrix(block.key, slope))
    value, value_move = split(block.value(normed)), split(matrix(block.value, slope))  # [N, H, L, V], [N, M, H, L, V]
    turn = query.unsqueeze(1) @ key_move.transpose(-2, -1)  # [N, M, H, rows, L]
    if ahead is not None:
        before = block.norm1(ahead)
        key = torch.cat([split(block.key(before)).expand(len(hidden), -1, -1, -1), key], dim=2)
        value = torch.cat([split(block.value(before)).expand(len(hidden), -1, -1, -1), value], dim=2)
        turn = pad(turn, (ahead.shape[1], 0))
    scores = block.scale * query @ key.transpose(-2, -1)  # [N, H, rows, ahead + L]
    if causal:
        first = key.shape[2] - length
        hidden_from = torch.ones(length, length, dtype=torch.bool, device=hidden.device).triu(1)[rows]
        scores = scores.masked_fill(pad(hidden_from, (first, 0)), -torch.inf)
    weights = scores.softmax(-1).unsqueeze(1)  # [N, 1, H, rows, ahead + L]
    key, value = key.unsqueeze(1), value.unsqueeze(1)
    pull = weights * (block.scale * (query_move @ key.transpose(-2, -1) + turn))
    seen = weights @ value  # [N, 1, H, rows, V]
    seen_move = pull @ value - pull.sum(-1, keepdim=True) * seen + weights[..., -length:] @ value_move
    middle = hidden[:, rows] + block.out(seen[:, 0].transpose(-3, -2).flatten(-2))
    middle_move = moved[:, :, rows] + matrix(block.out, seen_move.transpose(-3, -2).flatten(-2))
    bent, gain = activated(block, block.widen(block.norm2(middle)))
    wide_move = matrix(block.widen, norm_slope(block.norm2, middle, middle_move))
    return middle + block.narrow(bent), middle_move + matrix(block.narrow, gain.unsqueeze(1) * wide_move)
