"""The straight line from a reference to an input in one tower, and what each position contributes along it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal, cast

import torch
from torch import Tensor
from torch.func import jvp, vjp

from hairsplit.core.errors import HairsplitError
from hairsplit.explain.closed_form import LineCache, block_contributions, block_values, line_cache
from hairsplit.explain.forward import push
from hairsplit.explain.held import Held, Pullback
from hairsplit.explain.quadrature import PANEL_NODES, START_PANELS, Integral, Quadrature, integrate
from hairsplit.explain.towers import Tower

Engine = Literal["auto", "closed_form", "mixed"]
"""closed_form: the last block of a CLIP only. mixed: forward and reverse mode of PyTorch, any layer of any tower. auto:
closed form where there is one, and above it forward mode written out for CLIP's blocks; reverse mode as in mixed."""

HIDDEN = 1 << 19
"""Hidden numbers (nodes x positions x channels) that are worked on at a time: 2 MiB in float32, some twenty times that
at the widest place of a block."""
GRAPH = 1 << 24
"""Numbers that a graph for reverse mode may keep: 64 MiB in float32; one node at least is worked on."""
SMALL = 1e-3
"""A change of the embedding by less than this share of it may be as wrong as one of that size: its last digits are
rounding."""
KEPT = 14
"""Numbers that the graph of a block keeps per hidden number, about."""
UNIT = START_PANELS * PANEL_NODES
"""Nodes of one graph, at most: the two halves of a panel, which always come together and in this order. So what a
cotangent makes of a panel does not depend, by rounding, on which other panels or cotangents there are."""


@dataclass(frozen=True)
class Line:
    """Hidden states r + alpha (x - r), 0 <= alpha <= 1, at the input of one block, and the embedding they lead to.

    The embedding is scaled inside: to unit length where `length` is None, else divided by that constant.
    """

    tower: Tower
    layer: int
    at: int
    """Position that is read."""
    start: Tensor
    """[L, W], the reference r."""
    stop: Tensor
    """[L, W], the input x."""
    length: float | None
    ends: tuple[Tensor, Tensor]
    """Scaled embeddings [D] of both ends, from the model itself and not from this line."""
    engine: Engine = "auto"
    how: Quadrature = field(default_factory=Quadrature)
    held: Held | None = field(default=None, repr=False, compare=False)
    """What reverse mode keeps from one set of cotangents for the next; None: nothing. It changes no number."""

    @property
    def step(self) -> Tensor:
        """Difference x - r, [L, W]."""
        return self.stop - self.start

    @property
    def moving(self) -> Tensor:
        """Positions that change and that the embedding can depend on, [L] bool; all others contribute exactly 0."""
        moving = (self.step != 0).any(-1)
        if self.tower.is_causal:
            moving[self.at + 1 :] = False
        return moving

    @property
    def closed(self) -> bool:
        """Whether the closed form is in use."""
        fits = self.layer == self.tower.depth - 1 and self.tower.last is not None
        if self.engine == "closed_form" and not fits:
            raise HairsplitError(
                f"there is no closed form for layer {self.layer} of this {self.tower.side} tower",
                where="explain",
                hint="it is for the last block of a CLIP (layer -1); take engine='auto'",
            )
        return fits and self.engine != "mixed"

    @property
    def known(self) -> bool:
        """Whether forward mode is written out for the blocks that follow."""
        tower = self.tower
        return self.engine == "auto" and tower.last is not None and len(tower.parts) == tower.depth - 1

    @cached_property
    def cache(self) -> LineCache:
        """Of the closed form."""
        assert self.tower.last is not None  # noqa: S101 - see `closed`
        stop = self.at + 1 if self.tower.is_causal else len(self.start)
        return line_cache(self.tower.last, self.start[:stop], self.step[:stop], self.at)

    @property
    def scale(self) -> Tensor:
        """Length of the change of the embedding along the line, [].

        A change smaller than `SMALL` times the embedding counts as that.
        """
        first, last = self.ends
        return torch.maximum((last - first).norm(), SMALL * torch.maximum(first.norm(), last.norm()))

    def points(self, alpha: Tensor) -> Tensor:
        """[N, L, W] at nodes [N]."""
        return self.start + alpha[:, None, None] * self.step

    def embed(self, hidden: Tensor) -> Tensor:
        """Scaled embeddings [N, D] of hidden states [N, L, W]."""
        return scaled(self.tower.tail(hidden, self.layer, self.at), self.length)

    def values(self, alpha: Tensor) -> Tensor:
        """Scaled embeddings [N, D] at nodes [N]."""
        if self.closed:
            assert self.tower.last is not None  # noqa: S101 - see `closed`
            return scaled(block_values(self.tower.last, self.cache, alpha), self.length)
        return torch.cat([self.embed(self.points(part)) for part in self.chunks(alpha)])

    def chunks(self, alpha: Tensor, *, graph: bool = False) -> tuple[Tensor, ...]:
        """Nodes in parts that fit the memory; `graph`: with all that reverse mode keeps, and at most `UNIT` of them."""
        if not graph:
            return torch.split(alpha, max(1, HIDDEN // self.start.numel()))
        fits = max(1, GRAPH // self._kept)
        return tuple(part for unit in torch.split(alpha, UNIT) for part in torch.split(unit, fits))

    def pullback(self, alpha: Tensor) -> tuple[Tensor, Pullback]:
        """Embeddings [N, D] at nodes [N], and what follows from cotangents of them for the points."""

        def made() -> tuple[Tensor, Pullback]:
            return cast(tuple[Tensor, Pullback], vjp(self.embed, self.points(alpha)))

        return made() if self.held is None else self.held.graph(alpha, self._kept * len(alpha), made)

    @property
    def _kept(self) -> int:
        """Numbers that the graph of one node keeps."""
        return self.start.numel() * KEPT * (self.tower.depth - self.layer)


def scaled(embedding: Tensor, length: float | None) -> Tensor:
    """Embeddings [N, D] over a constant, or to unit length."""
    return embedding / (embedding.norm(dim=-1, keepdim=True) if length is None else length)


def contributions(line: Line, groups: Tensor) -> Integral:
    """How far each group of positions moves the embedding along the line.

    Args:
        line: Text or image.
        groups: [M, L], the share of each position that is in each group; over all groups the shares of a position
            that moves sum to 1, or else what they should add up to is not known.

    Returns:
        Parts [M, D]; their sum is the change of the embedding. With a group for each position, the rows of U (text) or
        V (image): u_i = integral of d/de f(r + alpha D + e D_i). Groups in which nothing moves are exactly 0.
    """
    rows = groups.to(line.start.dtype) * line.moving
    active = (rows != 0).any(-1)
    change = line.ends[1] - line.ends[0]
    if not active.any():
        return Integral(change.new_zeros(len(groups), len(change)), _share(change, line.scale), 0)
    rows = rows[active]
    slopes = _closed_slopes if line.closed else _known_slopes if line.known else _forward_slopes
    found = integrate(slopes(line, rows), line.values, line.ends, line.scale, line.how)
    parts = found.parts.new_zeros(len(groups), len(change))
    parts[active] = found.parts
    return Integral(parts, found.residual, found.nodes)


def pulled(line: Line, cotangents: Tensor) -> Integral:
    """What each position contributes to the projections of the embedding on some vectors, by reverse mode.

    Args:
        line: Text or image.
        cotangents: [C, D], such as the rows of U.

    Returns:
        Parts [L, C]: <cotangent c, contribution of position l>; their sum over l is the change of each projection.
    """
    length = len(line.start)
    norms = cotangents.norm(dim=-1)
    active = norms > 0
    if not active.any() or not line.moving.any():
        return Integral(cotangents.new_zeros(length, len(cotangents)), 0.0, 0)
    rows = cotangents[active]
    ends = (rows @ line.ends[0], rows @ line.ends[1])

    def values(alpha: Tensor) -> Tensor:
        of = line.values if line.held is None else partial(line.held.value, line.values)
        return torch.cat([of(one) for one in torch.split(alpha, 1)]) @ rows.T  # node by node, see `UNIT`

    found = integrate(_reverse_slopes(line, rows), values, ends, norms[active] * line.scale, line.how)
    parts = found.parts.new_zeros(length, len(cotangents))
    parts[:, active] = found.parts
    return Integral(parts, found.residual, found.nodes)


def _closed_slopes(line: Line, groups: Tensor) -> Callable[[Tensor], Tensor]:
    block, cache = line.tower.last, line.cache
    assert block is not None  # noqa: S101 - see `Line.closed`
    seen = groups[:, : len(cache.start)]

    def slopes(alpha: Tensor) -> Tensor:
        found = []
        for part in line.chunks(alpha):
            raw, moves = block_contributions(block, cache, part)
            found.append(_scaled_slope(raw, seen @ moves, line.length))
        return torch.cat(found)

    return slopes


def _known_slopes(line: Line, groups: Tensor) -> Callable[[Tensor], Tensor]:
    last, blocks = line.tower.last, line.tower.parts[line.layer :]
    assert last is not None  # noqa: S101 - see `Line.known`
    moves = groups.unsqueeze(-1) * line.step
    together = torch.split(moves, max(1, HIDDEN // line.start.numel()))
    causal = line.tower.is_causal
    still = int(line.moving.int().argmax()) if causal else 0  # words before the first other one

    def slopes(alpha: Tensor) -> Tensor:
        found = []
        for part in torch.split(alpha, max(1, HIDDEN // together[0].numel())):
            points = line.points(part)
            both = [push(blocks, last, points, some, line.at, causal=causal, still=still) for some in together]
            found.append(_scaled_slope(both[0][0], torch.cat([rows for _, rows in both], 1), line.length))
        return torch.cat(found)

    return slopes


def _forward_slopes(line: Line, groups: Tensor) -> Callable[[Tensor], Tensor]:
    """One forward-mode pass per group, batched over nodes: a loop takes less time and memory than vmap over groups."""
    step = line.step

    def slopes(alpha: Tensor) -> Tensor:
        found = []
        for part in line.chunks(alpha):
            points = line.points(part)
            moves = [(group.unsqueeze(-1) * step).expand_as(points) for group in groups]
            found.append(torch.stack([jvp(line.embed, (points,), (move,))[1] for move in moves], dim=1))
        return torch.cat(found)

    return slopes


def _reverse_slopes(line: Line, cotangents: Tensor) -> Callable[[Tensor], Tensor]:
    """One reverse pass per cotangent over one graph of all nodes that fit."""
    step = line.step

    def rows(part: Tensor) -> Tensor:
        embeddings, back = line.pullback(part)
        return torch.stack([(back(one.expand_as(embeddings))[0] * step).sum(-1) for one in cotangents], dim=2)

    def slopes(alpha: Tensor) -> Tensor:
        # a call for each part: its graph is gone, unless it is held, before the next one is made
        return torch.cat([rows(part) for part in line.chunks(alpha, graph=True)])  # [N, L, C]

    return slopes


def _scaled_slope(raw: Tensor, moves: Tensor, length: float | None) -> Tensor:
    """What `scaled` makes of the moves [N, M, D] of raw embeddings [N, D]."""
    if length is not None:
        return moves / length
    norm = raw.norm(dim=-1, keepdim=True)
    hat = (raw / norm).unsqueeze(1)
    found: Tensor = (moves - hat * (hat * moves).sum(-1, keepdim=True)) / norm.unsqueeze(1)
    return found


def _share(missing: Tensor, scale: Tensor) -> float:
    return float(missing.norm() / scale) if missing.any() else 0.0
