"""Integrated Jacobians the slow way: a backward pass for each number of the embedding, at each node, in plain loops."""

from collections.abc import Callable

import torch
from torch import Tensor

Embed = Callable[[Tensor], Tensor]
"""Hidden states of one input [L, W] -> its scaled embedding [D]."""


def jacobian(embed: Embed, hidden: Tensor) -> Tensor:
    """[D, L, W] of an embedding, by D backward passes."""
    x = hidden.clone().requires_grad_()
    with torch.enable_grad():
        found = embed(x)
        rows = [torch.autograd.grad(number, x, retain_graph=True)[0] for number in found]
    return torch.stack(rows)


def factors(embed: Embed, start: Tensor, stop: Tensor, nodes: Tensor, weights: Tensor) -> Tensor:
    """[L, D]: sum over nodes of the weight times J_i(r + alpha (x - r)) (x_i - r_i), for each position i."""
    length = len(start)
    found: Tensor | None = None
    for alpha, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        slope = jacobian(embed, start + alpha * (stop - start))  # [D, L, W]
        here = torch.stack([weight * slope[:, i] @ (stop[i] - start[i]) for i in range(length)])
        found = here if found is None else found + here
    assert found is not None
    return found


def interactions(words: Tensor, patches: Tensor) -> Tensor:
    """[S, P]: the dot product of every word's row with every patch's."""
    return torch.tensor(
        [[sum(a * b for a, b in zip(u, v, strict=True)) for v in patches.tolist()] for u in words.tolist()],
        dtype=words.dtype,
    )
