"""Fronts and knees against a plain double loop, and by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.pareto import Point, knee, pareto_front

COARSE = st.integers(0, 4).map(float)  # few values, so that ties are common
POINTS = st.lists(st.tuples(COARSE, COARSE), min_size=1, max_size=9).map(
    lambda pairs: [Point(float(at), gain, kept) for at, (gain, kept) in enumerate(pairs)]
)


def beats(one: Point, other: Point) -> bool:
    no_worse = one.gain >= other.gain and one.kept >= other.kept
    return no_worse and (one.gain > other.gain or one.kept > other.kept)


@given(points=POINTS)
def test_the_front_is_what_a_double_loop_finds(points: list[Point]) -> None:
    unbeaten = [point for point in points if not any(beats(other, point) for other in points)]
    first = {(point.gain, point.kept): point for point in reversed(unbeaten)}
    assert pareto_front(points) == sorted(first.values(), key=lambda point: point.gain)


@given(points=POINTS, shift=st.integers(-5, 5), scale=st.sampled_from([0.5, 1, 8]))
def test_a_knee_is_on_the_front_and_knows_no_units(points: list[Point], shift: int, scale: float) -> None:
    found = knee(points)
    assert found in pareto_front(points)
    other = [Point(point.at, point.gain * scale + shift, point.kept / scale - shift) for point in points]
    assert knee(other).at == found.at


def test_a_knee_by_hand() -> None:
    curve = [Point(0, 60, 99), Point(0.25, 75, 98), Point(0.5, 82, 97), Point(0.75, 84, 90), Point(1, 85, 79)]
    # scaled: beyond the line by 0, .6 - .05, .88 - .1, .96 - .45, 0
    assert knee(curve).at == 0.5


def test_a_model_that_forgets_nothing_needs_no_compromise() -> None:
    assert knee([Point(0, 60, 99), Point(0.5, 75, 99), Point(1, 85, 99.5)]).at == 1


def test_a_hollow_or_straight_curve_ends_at_the_gain() -> None:
    assert knee([Point(0, 0, 10), Point(0.5, 4, 4), Point(1, 10, 0)]).at == 1
    assert knee([Point(0, 0, 10), Point(0.5, 5, 5), Point(1, 10, 0)]).at == 1


def test_of_equal_points_the_first_is_taken() -> None:
    assert [point.at for point in pareto_front([Point(0.2, 1, 1), Point(0.1, 1, 1)])] == [0.1]


def test_no_points_have_no_knee() -> None:
    assert pareto_front([]) == []
    with pytest.raises(HairsplitError, match="no knee"):
        knee([])
