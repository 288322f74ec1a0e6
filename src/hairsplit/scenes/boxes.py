"""How two boxes lie to each other, in pixels; the origin is the top left corner."""

from typing import NamedTuple

from hairsplit.core.types import Box


class Gap(NamedTuple):
    """How two boxes lie along one axis."""

    before: bool
    after: bool
    shift: float
    """Centre of the second minus centre of the first, pixels."""


def gaps(a: Box, b: Box) -> tuple[Gap, Gap]:
    """From left to right, and from top to bottom."""
    return _gap(a.x, a.w, b.x, b.w), _gap(a.y, a.h, b.y, b.h)


def _gap(a: float, a_size: float, b: float, b_size: float) -> Gap:
    return Gap(a + a_size <= b, b + b_size <= a, (b + b_size / 2) - (a + a_size / 2))


def disjoint(a: Box, b: Box) -> bool:
    """Whether two boxes share no pixel."""
    return a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    shared = _shared(a, b)
    return shared / (a.w * a.h + b.w * b.h - shared)


def covered(a: Box, b: Box) -> float:
    """Share of the smaller box that lies within the other."""
    return _shared(a, b) / min(a.w * a.h, b.w * b.h)


def _shared(a: Box, b: Box) -> float:
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    return max(width, 0) * max(height, 0)
