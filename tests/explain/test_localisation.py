"""Numbers worked out by hand, constant and random heats at chance, and curves of scores that are sums."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from numpy.typing import NDArray

from hairsplit.core.attribution import View
from hairsplit.core.errors import HairsplitError
from hairsplit.explain.localisation import (
    Direction,
    Located,
    Masks,
    Target,
    chance,
    curve,
    energy_inside,
    locate,
    peak_inside,
    right_object,
    signed_mass,
    target,
)

VIEW = View(2, 3, 8.0)  # of a picture of 24 x 16 px
NAMED = target(VIEW, [(4, 0, 12, 8)])  # half of the first patch with its centre, half of the second without
OTHER = target(VIEW, [(16, 0, 24, 8)])  # the third
HEAT = np.array([[2.0, -1.0, 1.0], [0.0, 1.0, 0.0]])


def test_a_box_covers_patches_by_area_and_holds_centres() -> None:
    np.testing.assert_array_equal(NAMED.shares, [[0.5, 0.5, 0], [0, 0, 0]])
    np.testing.assert_array_equal(NAMED.centres, [[True, False, False], [False, False, False]])
    assert NAMED.area == pytest.approx(1 / 6)
    assert [target(VIEW, [(0, 0, width, 16)]).is_large for width in (19, 20)] == [False, True]  # of 24 px


def test_boxes_that_overlap_count_once() -> None:
    both = target(VIEW, [(0, 0, 12, 8), (4, 0, 16, 4)])
    assert both.shares.tolist() == [[1, 0.75, 0], [0, 0, 0]]
    np.testing.assert_array_equal(both.centres[0], [True, False, False])
    np.testing.assert_array_equal(target(VIEW, [(4, 0, 12, 8)] * 2).shares, NAMED.shares)


def test_boxes_are_cut_to_what_the_model_sees() -> None:
    cropped = View(2, 3, 8.0, (1.0, 1.0), (8.0, 0.0))  # the model sees x from 8 px on
    found = target(cropped, [(0, 0, 16, 16), (0, 0, 4, 4)])
    np.testing.assert_array_equal(found.shares, [[1, 0, 0], [1, 0, 0]])
    with pytest.raises(HairsplitError, match="covers no patch"):
        target(cropped, [(0, 0, 4, 4)])
    with pytest.raises(HairsplitError, match="there is no box"):
        target(cropped, [])


def test_numbers_worked_out_by_hand() -> None:
    assert energy_inside(HEAT, NAMED) == pytest.approx(1 / 4)  # of 2 + 1 + 1 half of 2; the -1 counts as nothing
    assert peak_inside(HEAT, NAMED) == 1
    assert signed_mass(HEAT, NAMED) == pytest.approx((1 + 0.5) / 5)  # half of 2 inside, half of -1 outside
    assert right_object(HEAT, NAMED, [OTHER]) == 0  # 1 - 1/2 < 1
    below = target(VIEW, [(0, 8, 8, 16)])  # 0
    assert right_object(HEAT, NAMED, [OTHER, below]) == 0.5
    assert right_object(HEAT, OTHER, [NAMED, below]) == 1


def test_the_peak_is_read_at_its_centre_or_wherever_the_box_touches_it() -> None:
    peak = np.array([[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    assert peak_inside(peak, NAMED) == 0
    assert peak_inside(peak, NAMED, rule="touch") == 1
    tie = np.array([[3.0, 3.0, 3.0], [0.0, 3.0, 0.0]])
    assert peak_inside(tie, NAMED) == 1 / 4
    near = tie - np.array([[1e-6, 0.0, 1e-6], [0.0, 1e-6, 0.0]])
    assert peak_inside(near, NAMED) == peak_inside(peak, NAMED)  # next to the largest is no tie
    assert peak_inside(tie, NAMED, rule="touch") == 2 / 4


def test_a_tie_of_objects_is_a_miss() -> None:
    assert right_object(np.zeros((2, 3)), NAMED, [OTHER]) == 0
    assert right_object(np.ones((2, 3)), NAMED, [OTHER]) == 0  # both boxes are 64 square pixels
    with pytest.raises(HairsplitError, match="no other object"):
        right_object(HEAT, NAMED, [])


def test_what_is_not_defined_is_not_a_number() -> None:
    assert math.isnan(energy_inside(-np.ones((2, 3)), NAMED))
    assert math.isnan(energy_inside(np.zeros((2, 3)), NAMED))
    assert math.isnan(signed_mass(np.zeros((2, 3)), NAMED))
    assert signed_mass(-np.ones((2, 3)), NAMED) == pytest.approx(5 / 6)
    assert math.isnan(locate(HEAT, NAMED).right)
    assert math.isnan(chance(NAMED).right)


def test_heats_of_another_grid_or_not_finite_are_refused() -> None:
    with pytest.raises(HairsplitError, match=r"shape \(3, 2\)"):
        locate(HEAT.T, NAMED)
    with pytest.raises(HairsplitError, match="not finite"):
        locate(np.full((2, 3), np.nan), NAMED)


def test_a_constant_heat_is_at_chance() -> None:
    found, expected = locate(np.full((2, 3), 0.7), NAMED, [OTHER]), chance(NAMED, [OTHER])
    assert (found.energy, found.peak, found.touch) == pytest.approx((expected.energy, expected.peak, expected.touch))
    assert (expected.energy, expected.peak, expected.touch) == pytest.approx((1 / 6, 1 / 6, 2 / 6))


def test_random_heats_are_at_chance() -> None:
    draws = np.random.default_rng(0).standard_normal((4000, 2, 3))
    found = [locate(heat, NAMED, [OTHER]) for heat in draws]
    expected = chance(NAMED, [OTHER])

    def mean(name: str) -> float:
        return float(np.nanmean([getattr(one, name) for one in found]))

    assert {name: mean(name) for name in Located.__dataclass_fields__} == {
        name: pytest.approx(getattr(expected, name), abs=0.02) for name in Located.__dataclass_fields__
    }


@given(seed=integers(0, 2**31))
def test_a_heat_that_does_not_depend_on_the_words_cannot_name_objects(seed: int) -> None:
    draw = np.random.default_rng(seed)
    heat = draw.normal(draw.normal(), 1, (4, 4))
    places = [Target(draw.random((4, 4)), np.zeros((4, 4), bool)) for _ in range(3)]
    rates = [right_object(heat, places[n], places[:n] + places[n + 1 :]) for n in range(3)]
    assert np.mean(rates) == pytest.approx(0.5)


VALUES = np.array([3.0, 1.0, 2.0])


def additive(kept: Masks) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 10 + kept @ VALUES
    return found


def test_areas_of_a_sum_worked_out_by_hand() -> None:
    inserted = curve(VALUES, additive, "insertion")
    np.testing.assert_array_equal(inserted.scores, [10, 13, 15, 16])
    np.testing.assert_allclose(inserted.kept, [0, 1 / 3, 2 / 3, 1])
    assert inserted.area == pytest.approx(11 / 18)
    deleted = curve(VALUES, additive, "deletion")
    np.testing.assert_array_equal(deleted.scores, [16, 13, 11, 10])
    assert deleted.area == pytest.approx(7 / 18)
    coarse = curve(VALUES, additive, "insertion", steps=2)
    np.testing.assert_array_equal(coarse.scores, [10, 15, 16])
    assert coarse.area == pytest.approx(7 / 12)  # (5 / 2 x 2 + 11 / 2) / 3 / 6


def test_any_order_of_a_sum_is_at_chance_on_average() -> None:
    orders = list(itertools.permutations(range(3)))
    ways: tuple[Direction, ...] = ("insertion", "deletion")
    for way in ways:
        areas = [curve(np.array(order), additive, way).area for order in orders]
        assert np.mean(areas) == pytest.approx(0.5)
        ties = [curve(np.zeros(3), additive, way, seed=seed).area for seed in range(400)]
        assert np.mean(ties) == pytest.approx(0.5, abs=0.02)


def test_a_curve_between_equal_scores_has_no_area() -> None:
    assert math.isnan(curve(VALUES, lambda kept: np.ones(len(kept)), "deletion").area)
    with pytest.raises(HairsplitError, match="finite"):
        curve([], additive, "deletion")
    with pytest.raises(HairsplitError, match="finite"):
        curve([math.nan], additive, "deletion")
