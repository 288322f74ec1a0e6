"""A residual attention block of transformers' CLIP: at all positions, or at the one that is read.

Apart from `stages`, whose shapes the tests check at every call: torch.compile can trace these, and not such a check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def everywhere(block: nn.Module, hidden: Tensor, causal: bool) -> Tensor:
    """The block's output at all positions, [N, L, W] of [N, L, W]."""
    found: Tensor = block(hidden, None, is_causal=causal)
    return found


def at_one(block: nn.Module, hidden: Tensor, at: Tensor, causal: bool) -> Tensor:
    """What transformers' CLIPEncoderLayer gives at one position `at` [N] of each row, [N, W] of [N, L, W].

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


@dataclass(frozen=True)
class Calls:
    """How blocks are called; what stands here instead gives the same numbers, but for rounding."""

    everywhere: Callable[[nn.Module, Tensor, bool], Tensor] = everywhere
    at_one: Callable[[nn.Module, Tensor, Tensor, bool], Tensor] = at_one


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)  # [N, L, W] -> [N, heads, L, W / heads]
