"""Forward mode written out for CLIP's blocks: all directions share one pass of values, and autograd has no part in it.

`torch.func.jvp` repeats the values for every direction, and has LayerNorm's derivative in Python.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from hairsplit.explain.closed_form import Block, LastBlock, activated, heads, matrix, norm_slope


def push(blocks: Sequence[Block], last: LastBlock, hidden: Tensor, moves: Tensor, at: int, *, causal: bool) -> Tensor:
    """How fast each of M directions moves the embedding at each of N points, [N, M, D], not scaled.

    Args:
        blocks: From the layer on that `hidden` enters, without the last.
        last: The last one, of which only position `at` is worked out.
        hidden: [N, L, W].
        moves: [M, L, W].
        at: Position that is read.
        causal: Whether positions see only themselves and those before.
    """
    if causal:
        hidden, moves = hidden[:, : at + 1], moves[:, : at + 1]
    moved = moves.unsqueeze(0).expand(len(hidden), -1, -1, -1)  # [N, M, L, W]
    for block in blocks:
        hidden, moved = _block(block, hidden, moved, slice(None), causal=causal)
    output, moved = _block(last, hidden, moved, slice(at, at + 1), causal=causal)
    return matrix(last.projection, norm_slope(last.norm, output[:, 0], moved[:, :, 0]))


def _block(block: Block, hidden: Tensor, moved: Tensor, rows: slice, *, causal: bool) -> tuple[Tensor, Tensor]:
    """Values and moves of the positions `rows` behind a block."""
    length = hidden.shape[1]

    def split(x: Tensor) -> Tensor:
        return heads(block, x).transpose(-3, -2)

    normed, slope = block.norm1(hidden), norm_slope(block.norm1, hidden, moved)
    query, query_move = split(block.query(normed[:, rows])), split(matrix(block.query, slope[:, :, rows]))
    key, key_move = split(block.key(normed)), split(matrix(block.key, slope))
    value, value_move = split(block.value(normed)), split(matrix(block.value, slope))  # [N, H, L, V], [N, M, H, L, V]
    scores = block.scale * query @ key.transpose(-2, -1)  # [N, H, rows, L]
    if causal:
        hidden_from = torch.ones(length, length, dtype=torch.bool, device=hidden.device).triu(1)[rows]
        scores = scores.masked_fill(hidden_from, -torch.inf)
    weights = scores.softmax(-1).unsqueeze(1)  # [N, 1, H, rows, L]
    query, key, value = (one.unsqueeze(1) for one in (query, key, value))
    pull = weights * (block.scale * (query_move @ key.transpose(-2, -1) + query @ key_move.transpose(-2, -1)))
    seen = weights @ value  # [N, 1, H, rows, V]
    seen_move = pull @ value - pull.sum(-1, keepdim=True) * seen + weights @ value_move
    middle = hidden[:, rows] + block.out(seen[:, 0].transpose(-3, -2).flatten(-2))
    middle_move = moved[:, :, rows] + matrix(block.out, seen_move.transpose(-3, -2).flatten(-2))
    bent, gain = activated(block, block.widen(block.norm2(middle)))
    wide_move = matrix(block.widen, norm_slope(block.norm2, middle, middle_move))
    return middle + block.narrow(bent), middle_move + matrix(block.narrow, gain.unsqueeze(1) * wide_move)
