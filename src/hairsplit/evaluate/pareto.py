"""Gain against forgetting: which models no other one beats on both, and where the curve between two models bends."""

from collections.abc import Sequence
from dataclasses import dataclass

from hairsplit.core.errors import HairsplitError


@dataclass(frozen=True)
class Point:
    """One model of a sweep."""

    at: float
    """The share of the fine-tuned model (alpha of WiSE-FT), or the scale of adapters."""
    gain: float
    """What fine-tuning is for, such as mean pair accuracy: more is better."""
    kept: float
    """What it may forget, such as zero-shot top-1: more is better."""


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats on one axis without losing on the other, by rising gain; of equal ones the first.

    A point is beaten by one that is no worse on both axes and better on one.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (-p.gain, -p.kept, p.at)):
        if not front or point.kept > front[-1].kept:
            front.append(point)
    return front[::-1]


def knee(points: Sequence[Point]) -> Point:
    """The point of the front that lies furthest beyond the straight line between the front's two ends.

    Both axes are first scaled to the front's extent, so that units do not matter (the distance is that of Kneedle:
    Satopaa et al., ICDCSW 2011). A front of one point is that point; where no inner point lies beyond the line (a
    straight or hollow front) it is the end that gains most, for nothing speaks for a compromise.

    Raises:
        HairsplitError: There are no points.
    """
    front = pareto_front(points)
    if not front:
        raise HairsplitError("a sweep without models has no knee", where="knee", hint="give some values of alpha")
    low, high = front[0], front[-1]
    if len(front) < 3:
        return high

    def beyond(point: Point) -> float:
        across = (point.gain - low.gain) / (high.gain - low.gain)
        down = (low.kept - point.kept) / (low.kept - high.kept)
        return across - down

    best = max(front[1:-1], key=lambda point: (beyond(point), point.gain))
    return best if beyond(best) > 0 else high
