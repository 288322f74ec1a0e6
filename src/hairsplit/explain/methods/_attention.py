"""A CLIP's image tower with its attention laid open, for what is differentiated with respect to it."""

import torch
from torch import Tensor

from hairsplit.explain.closed_form import Block, LastBlock, heads


def attention(block: Block, normed: Tensor) -> Tensor:
    """Weights [heads, L, L], queries by rows, of what LayerNorm 1 gave, [L, W]."""
    query, key = (heads(block, part(normed)).transpose(0, 1) for part in (block.query, block.key))  # [heads, L, V]
    return (block.scale * query @ key.transpose(-2, -1)).softmax(-1)


def mixed(block: Block, normed: Tensor, weights: Tensor) -> Tensor:
    """What attention hands to its output projection, heads side by side, [L, W]."""
    value = heads(block, block.value(normed)).transpose(0, 1)
    return (weights @ value).transpose(0, 1).flatten(1)


def behind(block: Block, hidden: Tensor, seen: Tensor) -> Tensor:
    """The block's output [L, W] from its input and what attention hands on."""
    middle = hidden + block.out(seen)
    output: Tensor = middle + block.narrow(block.activation(block.widen(block.norm2(middle))))
    return output


def cosine(last: LastBlock, output: Tensor, text: Tensor) -> Tensor:
    """Of the position that is read, [W], with a text [D], []."""
    return torch.cosine_similarity(last.projection(last.norm(output)), text, dim=-1)
