"""Integrals over the straight line from a reference to an input, with nodes added until the parts add up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Rule = Literal["adaptive", "gauss", "midpoint", "right"]

PANEL_NODES = 4
"""Gauss-Legendre nodes of a panel of the adaptive rule."""
START_PANELS = 2
ROUNDS = 12
"""A panel is halved at most this many times, less one."""
MOST_NODES = 2048
"""No panel is halved beyond this many nodes in all; what is missing then is in the residual."""
NARROW = 0.02
"""A panel narrower than this may be as wrong as one of this width: a bend is not resolved for ever."""
NOISE = 32.0
"""Errors of this many units in the last place of the function's value are rounding, which no node mends."""


@dataclass(frozen=True, kw_only=True)
class Quadrature:
    """How a line is sampled."""

    rule: Rule = "adaptive"
    """adaptive: Gauss-Legendre panels, halved until each adds up. The others take `nodes` nodes and stop; `right` is
    the right-endpoint sum of exCLIP, kept for comparison."""
    tolerance: float = 1e-3
    """Of the adaptive rule: error of a panel over the change along the whole line, per unit of its width."""
    nodes: int = 20
    """Of the other rules."""


@dataclass(frozen=True)
class Integral:
    """What came out, and how far it can be trusted."""

    parts: Tensor
    """[M, ...]; together they are the change of the function from one end of the line to the other."""
    residual: float
    """Length of what is missing from that change over the length of the change (the scale that was given)."""
    nodes: int
    """Points at which derivatives were taken."""


Derivative = Callable[[Tensor, Tensor], Tensor]
"""(nodes [N], panel weights [N]) -> weighted derivatives [N, M, K], or anything with these first two axes."""


def fixed_nodes(rule: Rule, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in [0, 1] and weights that sum to one, of a rule with a set number of nodes."""
    if rule == "right":
        return np.arange(1, count + 1) / count, np.full(count, 1 / count)
    if rule == "midpoint":
        return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)
    at, weight = np.polynomial.legendre.leggauss(count)
    return (at + 1) / 2, weight / 2


def integrate(
    derivative: Callable[[Tensor], Tensor],
    value: Callable[[Tensor], Tensor],
    ends: tuple[Tensor, Tensor],
    scale: Tensor,
    how: Quadrature,
) -> Integral:
    """Integrate each part of a derivative over [0, 1].

    On every panel [p, q] the parts must add up to value(q) - value(p), a vector identity that costs two values; the
    panels where they do not are halved, and all panels of a round are one batch.

    Args:
        derivative: Nodes [N] -> [N, M, K], of M parts; their sum over M is the derivative of the K numbers of `value`.
        value: Nodes [N] -> [N, K].
        ends: value(0) and value(1), [K] each.
        scale: Error [..., K] counts relative to this: [] for one vector of K numbers, [K] for K numbers by themselves.
        how: Rule and tolerance.
    """
    change = ends[1] - ends[0]
    if how.rule != "adaptive":
        at, weight = fixed_nodes(how.rule, how.nodes)
        found = torch.einsum("n,nmk->mk", _tensor(weight, change), derivative(_tensor(at, change)))
        return Integral(found, _largest(found.sum(0) - change, scale), len(at))
    return _adaptive(derivative, value, ends, scale, how.tolerance)


def _adaptive(
    derivative: Callable[[Tensor], Tensor],
    value: Callable[[Tensor], Tensor],
    ends: tuple[Tensor, Tensor],
    scale: Tensor,
    tolerance: float,
) -> Integral:
    change = ends[1] - ends[0]
    at, weight = fixed_nodes("gauss", PANEL_NODES)
    noise = NOISE * torch.finfo(change.dtype).eps * float(torch.maximum(ends[0].norm(), ends[1].norm()))
    known: dict[float, Tensor] = {0.0: ends[0], 1.0: ends[1]}
    panels = [(n / START_PANELS, (n + 1) / START_PANELS) for n in range(START_PANELS)]
    total: Tensor | None = None
    nodes = 0
    for turn in range(ROUNDS):
        if new := sorted({edge for panel in panels for edge in panel} - known.keys()):
            known |= dict(zip(new, value(_tensor(np.array(new), change)), strict=True))
        low, width = np.array([p for p, _ in panels]), np.array([q - p for p, q in panels])
        slopes = derivative(_tensor((low[:, None] + width[:, None] * at).ravel(), change))  # [panels * nodes, M, K]
        nodes += len(slopes)
        slopes = slopes.view(len(panels), PANEL_NODES, *slopes.shape[1:])
        found = torch.einsum("pn,pnmk->pmk", _tensor(width[:, None] * weight, change), slopes)
        total = torch.zeros_like(found[0]) if total is None else total
        halves: list[tuple[float, float]] = []
        for (p, q), part in zip(panels, found, strict=True):
            missing = part.sum(0) - (known[q] - known[p])
            allowed = tolerance * max(q - p, NARROW)
            afford = nodes + PANEL_NODES * (len(halves) + 2) <= MOST_NODES
            if turn + 1 < ROUNDS and afford and float(missing.norm()) > noise and _largest(missing, scale) > allowed:
                halves += [(p, (p + q) / 2), ((p + q) / 2, q)]
            else:
                total = total + part
        if not halves:
            break
        panels = halves
    assert total is not None  # noqa: S101 - there are panels
    return Integral(total, _largest(total.sum(0) - change, scale), nodes)


def _largest(missing: Tensor, scale: Tensor) -> float:
    """Length of an error over `scale`; of errors by themselves the largest. 0 where nothing is missing of nothing."""
    size = missing.abs() if scale.ndim else missing.norm()
    share = torch.where(size == 0, 0.0, size / scale)
    return float(share.max()) if share.numel() else 0.0


def _tensor(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)
