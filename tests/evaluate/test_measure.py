"""What a number is made of: paired differences by hand, weights of groups, and items that are not the same."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.comparison import Compared, compare, corrected
from hairsplit.evaluate.measure import Measure, Statistic, mean_by
from hairsplit.evaluate.statistics import clustered_macro_mean, clustered_mean, holm, mcnemar, paired_difference

BEFORE, AFTER = np.array([1.0, 0, 0, 1, 0, 0]), np.array([1.0, 1, 0, 0, 1, 1])
IMAGES = ("a", "a", "b", "b", "c", "d")
KINDS = ("x", "x", "x", "x", "y", "y")


def measure(hits: NDArray[np.float64], groups: tuple[str, ...] | None = None) -> Measure:
    return Measure("m", "overall", hits, IMAGES, hits, groups, chance=0.5)


def test_a_mean_and_its_difference_by_hand() -> None:
    found = measure(AFTER).difference(measure(BEFORE), seed=3)
    assert found.value == pytest.approx(2 / 6)
    assert found == paired_difference(BEFORE, AFTER, IMAGES, seed=3)
    assert measure(AFTER).estimate(3) == clustered_mean(AFTER, IMAGES, chance=0.5, seed=3)
    test = measure(AFTER).mcnemar(measure(BEFORE))
    assert (test.first_only, test.second_only, test.p_value) == (1, 3, 0.625)
    assert test == mcnemar(BEFORE, AFTER)


def test_means_over_groups_with_and_without_weights_by_hand() -> None:
    plain = measure(AFTER, KINDS)
    assert plain.estimate(0) == clustered_macro_mean(AFTER, KINDS, IMAGES, chance=0.5)
    assert plain.difference(measure(BEFORE, KINDS), 0).value == pytest.approx((0 + 1) / 2)
    weighted = replace(plain, weights={"x": 0.25, "y": 0.75})
    assert weighted.estimate(0).value == pytest.approx(0.25 * 0.5 + 0.75 * 1)
    found = weighted.difference(replace(weighted, hits=BEFORE), 0)
    assert found.value == pytest.approx(0.75)
    assert found.low <= found.value <= found.high


def test_ties_are_counted_where_they_are_known() -> None:
    assert replace(measure(BEFORE), hits_if_ties_hit=AFTER + BEFORE).ties == 4
    assert replace(measure(BEFORE), hits_if_ties_hit=None).ties is None


def test_models_of_other_items_are_refused() -> None:
    other = replace(measure(AFTER), clusters=("a", "a", "b", "b", "c", "c"))
    for ask in (other.difference, lambda base, _seed: other.mcnemar(base)):
        with pytest.raises(HairsplitError, match="not judged on the same items"):
            ask(measure(BEFORE), 0)
        with pytest.raises(HairsplitError, match="not judged on the same items"):
            ask(replace(measure(BEFORE, KINDS), clusters=other.clusters), 0)
    with pytest.raises(HairsplitError, match="not judged on the same items"):
        compare("s", {"one": [measure(BEFORE)], "two": []}, {}, seed=0)
    with pytest.raises(HairsplitError, match="not judged on the same items"):
        compare("s", {"one": [measure(BEFORE)], "two": [replace(measure(BEFORE), part="kind")]}, {}, seed=0)


def statistic(values: NDArray[np.float64]) -> Statistic:
    return Statistic("s", "aggregate", lambda w: (w @ values) / w.sum(axis=1), IMAGES, 6, 0.5)


def test_a_statistic_that_is_a_mean_has_the_value_of_the_mean() -> None:
    assert statistic(AFTER).estimate(0).value == pytest.approx(measure(AFTER).estimate(0).value)
    assert statistic(AFTER).estimate(0).chance == 0.5
    found = statistic(AFTER).difference(statistic(BEFORE), 0)
    assert found.value == pytest.approx(2 / 6)
    assert found.chance is None
    assert found.low < found.value < found.high
    other = replace(statistic(BEFORE), clusters=tuple("abcdef"))
    with pytest.raises(HairsplitError, match="same items"):
        statistic(AFTER).difference(other, 0)


def test_a_measure_for_each_label_leaves_out_what_has_none() -> None:
    found = mean_by("edit role", ("b", "", "a", "b", "", "a"), AFTER, IMAGES, BEFORE)
    assert [(one.name, one.part, one.hits.tolist()) for one in found] == [
        ("a", "edit role", [0, 1]),
        ("b", "edit role", [1, 0]),
    ]
    assert found[0].clusters == ("b", "d")
    assert [one.ties for one in found] == [-1, 1]


def compared(name: str, after: NDArray[np.float64]) -> Compared:
    measured = {"base": [measure(BEFORE), measure(BEFORE)], "one": [measure(after), measure(after)]}
    return compare(name, measured, {}, seed=0)


def test_holm_is_over_the_first_measure_of_every_suite_and_nothing_else() -> None:
    suites = corrected([compared("first", AFTER), compared("second", np.ones(6)), Compared("empty", ())])
    raw = [0.625, mcnemar(BEFORE, np.ones(6)).p_value]
    cells = [suite.rows[0].cells for suite in suites[:2]]
    assert [cell[1].p_holm for cell in cells] == holm(raw) == [0.625, 0.25]
    assert all(cell[0].p_holm is None and cell[0].difference is None for cell in cells)
    assert all(cell.p_holm is None for suite in suites[:2] for cell in suite.rows[1].cells)


def test_the_blind_reader_beside_a_number_is_of_the_same_part() -> None:
    """A kind and an edit role may have one name, and then not the same items."""
    measures = [replace(measure(BEFORE), name="object", part=part) for part in ("kind", "edit role", "source")]
    kind, role = (clustered_mean(hits, IMAGES) for hits in (BEFORE, AFTER))
    found = compare("s", {"one": measures}, {("kind", "object"): kind, ("edit role", "object"): role}, seed=0)
    assert [row.text_only for row in found.rows] == [kind, role, None]


def test_a_model_compared_with_itself_differs_in_nothing() -> None:
    cell = compared("same", BEFORE).rows[0].cells[1]
    assert cell.difference is not None
    assert cell.test is not None
    assert (cell.difference.value, cell.difference.low, cell.difference.high) == (0, 0, 0)
    assert cell.test.p_value == 1


def test_exchanging_two_models_turns_the_sign() -> None:
    there = measure(AFTER).difference(measure(BEFORE), 5)
    back = measure(BEFORE).difference(measure(AFTER), 5)
    assert there.value == -back.value
