"""How two boxes lie to each other, in pixels; the origin is the top left corner."""

import msgspec

from hairsplit.core.types import Box


class Gap(msgspec.Struct, frozen=True, gc=False):
    """How two boxes lie along one axis."""

    before: bool
    after: bool
    shift: float
    """Centre of the second minus centre of the first, pixels."""


def across(a: Box, b: Box) -> Gap:
    """From left to right."""
    return Gap(a.x + a.w <= b.x, b.x + b.w <= a.x, (b.x + b.w / 2) - (a.x + a.w / 2))


def down(a: Box, b: Box) -> Gap:
    """From top to bottom."""
    return Gap(a.y + a.h <= b.y, b.y + b.h <= a.y, (b.y + b.h / 2) - (a.y + a.h / 2))


def beside(a: Box, b: Box, slope: float) -> int:
    """-1 where the first lies wholly left of the second, 1 where right; 0 for neither.

    So, too, where the way along is less than `slope` times the way across, from centre to centre.
    """
    side = -1 if a.x + a.w <= b.x else 1 if b.x + b.w <= a.x else 0
    if side and slope:
        right, below = (b.x + b.w / 2) - (a.x + a.w / 2), (b.y + b.h / 2) - (a.y + a.h / 2)
        return side if abs(right) >= slope * abs(below) else 0
    return side


def stacked(a: Box, b: Box, slope: float) -> int:
    """-1 where the first lies wholly above the second, 1 where below; 0 for neither, as in `beside`."""
    side = -1 if a.y + a.h <= b.y else 1 if b.y + b.h <= a.y else 0
    if side and slope:
        right, below = (b.x + b.w / 2) - (a.x + a.w / 2), (b.y + b.h / 2) - (a.y + a.h / 2)
        return side if abs(below) >= slope * abs(right) else 0
    return side


def disjoint(a: Box, b: Box) -> bool:
    """Whether two boxes share no pixel."""
    return a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    shared = 0.0 if disjoint(a, b) else _shared(a, b)
    return shared / (a.w * a.h + b.w * b.h - shared)


def covered(a: Box, b: Box) -> float:
    """Share of the smaller box that lies within the other."""
    return 0.0 if disjoint(a, b) else _shared(a, b) / min(a.w * a.h, b.w * b.h)  # most are


def _shared(a: Box, b: Box) -> float:
    """Pixels that two boxes share, which are not disjoint."""
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    return width * height
