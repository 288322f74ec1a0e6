"""Intervals: coverage on simulated clusters, reference formulas, and what must not change a number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers, lists

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate import statistics
from hairsplit.evaluate.statistics import (
    clustered_macro_mean,
    clustered_mean,
    holm,
    mcnemar,
    mean_by_kind,
    paired_difference,
    paired_macro_difference,
    wilson,
)


def test_the_value_is_the_mean_over_items_and_macro_the_mean_over_kinds() -> None:
    hits, kinds, images = [1, 1, 1, 0, 0, 1], ["a", "a", "a", "a", "b", "b"], ["x", "x", "y", "y", "z", "z"]
    micro = clustered_mean(hits, images, chance=0.5)
    assert (micro.value, micro.n, micro.chance) == (4 / 6, 6, 0.5)
    assert clustered_macro_mean(hits, kinds, images).value == pytest.approx((3 / 4 + 1 / 2) / 2)
    by_kind = mean_by_kind(hits, kinds, images)
    assert {kind: (estimate.value, estimate.n) for kind, estimate in by_kind.items()} == {"a": (0.75, 4), "b": (0.5, 2)}


def test_the_interval_covers_the_truth_as_often_as_it_says_when_items_of_an_image_agree() -> None:
    rng, covered, naive = np.random.default_rng(0), 0, 0
    for simulation in range(200):
        share = np.repeat(rng.beta(1.4, 0.6, 60), 5)  # mean 0.7, strongly shared within an image
        hits = rng.random(300) < share
        estimate = clustered_mean(hits, np.repeat(np.arange(60), 5), seed=simulation, resamples=400)
        covered += estimate.low <= 0.7 <= estimate.high
        low, high = wilson(int(hits.sum()), 300)
        naive += low <= 0.7 <= high
    assert 180 <= covered <= 198
    assert naive < 170  # what ignoring the clusters would have claimed


def test_the_macro_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(1), 0
    kinds, images = np.tile(["a", "a", "a", "b"], 60), np.repeat(np.arange(60), 4)
    for simulation in range(200):
        luck = np.repeat(rng.normal(0, 0.1, 60), 4)
        hits = rng.random(240) < np.where(kinds == "a", 0.8, 0.4) + luck
        estimate = clustered_macro_mean(hits, kinds, images, seed=simulation, resamples=400)
        covered += estimate.low <= 0.6 <= estimate.high
    assert 180 <= covered <= 198


def test_only_a_share_that_does_not_vary_gets_wilsons_interval() -> None:
    none, images = np.zeros(20), np.arange(20)
    share = clustered_mean(none, images)
    assert (share.low, share.high) == wilson(0, 20)
    for constant in (0.0, 1.0):  # margins of a model that has collapsed, cosines of one that sees no difference
        mean = clustered_mean(np.full(20, constant), images, share=False)
        assert (mean.value, mean.low, mean.high) == (constant, constant, constant)


def test_with_one_item_per_image_the_interval_is_near_wilsons() -> None:
    hits = np.arange(400) < 300
    estimate = clustered_mean(hits, np.arange(400))
    assert (estimate.low, estimate.high) == pytest.approx(wilson(300, 400), abs=0.01)


def test_resampling_distinct_rows_equals_redrawing_clusters_one_by_one() -> None:
    rng = np.random.default_rng(4)
    images, hits = rng.integers(0, 50, 200), rng.random(200) < 0.6
    estimate = clustered_mean(hits, images, resamples=20_000)
    members = [np.flatnonzero(images == image) for image in np.unique(images)]
    draws = []
    for _ in range(5_000):
        items = np.concatenate([members[c] for c in rng.integers(0, len(members), len(members))])
        draws.append(hits[items].mean())
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.006)


def test_blocks_of_resamples_do_not_change_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    values, images = rng.normal(size=300), np.repeat(np.arange(100), 3)
    whole = clustered_mean(values, images)
    monkeypatch.setattr(statistics, "_CELLS", 700)  # seven resamples at once, of 100 clusters
    cut = clustered_mean(values, images)
    # a matrix product may add up in another order when it has fewer rows
    assert (cut.n, cut.value, cut.low, cut.high) == pytest.approx(
        (whole.n, whole.value, whole.low, whole.high), rel=1e-12
    )


@given(seed=integers(0, 2**31))
def test_order_of_items_and_names_of_images_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hits, images = rng.random(40) < 0.5, rng.integers(0, 12, 40)
    order, renamed = rng.permutation(40), rng.permutation(12)
    plain = clustered_mean(hits, images, resamples=50)
    assert clustered_mean(hits[order], [f"img{renamed[i]}" for i in images[order]], resamples=50) == plain


def test_the_seed_decides_and_the_global_state_does_not() -> None:
    hits, images = np.arange(60) % 3 > 0, np.arange(60) // 2 * 2 % 14
    first = clustered_mean(hits, images, seed=1)
    np.random.seed(9)  # noqa: NPY002 - the global state is what must not matter
    assert clustered_mean(hits, images, seed=1) == first
    assert clustered_mean(hits, images, seed=2) != first


def test_one_image_has_a_value_but_no_known_interval() -> None:
    estimate = clustered_mean([1, 0, 1, 1], ["only"] * 4)
    assert estimate.value == 0.75
    assert math.isnan(estimate.low)
    assert math.isnan(estimate.high)
    assert not statistics.is_known(estimate)
    assert statistics.is_known(clustered_mean([1, 0], ["a", "b"]))


def test_no_values_are_refused() -> None:
    with pytest.raises(HairsplitError, match="no values to average"):
        clustered_mean([], [])


def test_all_right_is_not_certainty() -> None:
    estimate = clustered_mean(np.ones(40), np.repeat(np.arange(20), 2))
    assert estimate.value == estimate.high == 1.0
    assert estimate.low == pytest.approx(1 / (1 + 1.959964**2 / 20))  # Wilson with 20 of 20
    nothing = clustered_mean(np.zeros(40), np.repeat(np.arange(20), 2))
    assert (nothing.low, nothing.high) == pytest.approx((0.0, 1 - estimate.low))


def test_a_kind_seen_on_one_image_does_not_break_the_macro_interval() -> None:
    hits, kinds = np.arange(30) != 9, ["rare"] + ["common"] * 29
    estimate = clustered_macro_mean(hits, kinds, np.arange(30))
    assert estimate.value == pytest.approx((1 + 28 / 29) / 2)
    # a third of the resamples lack the rare kind: it is then left out, not counted as 0, which would give a low of 0.5
    assert 0.8 < estimate.low < estimate.value < estimate.high <= 1


def test_the_difference_of_a_model_with_itself_is_zero_and_the_sign_is_second_less_first() -> None:
    first, second = np.array([1, 0, 0, 1, 0, 0]), np.array([1, 1, 0, 1, 1, 0])
    images = ["a", "a", "b", "b", "c", "c"]
    same = paired_difference(first, first, images)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    gain = paired_difference(first, second, images)
    assert gain.value == pytest.approx(2 / 6)
    assert 0 <= gain.low <= gain.value <= gain.high
    assert paired_difference(second, first, images).value == -gain.value
    assert paired_macro_difference(first, second, ["p", "q"] * 3, images).value == pytest.approx((0 + 2 / 3 - 0) / 2)


def test_always_right_against_always_wrong_is_a_difference_of_one() -> None:
    gain = paired_difference(np.zeros(10), np.ones(10), np.arange(10))
    assert (gain.value, gain.low, gain.high) == (1.0, 1.0, 1.0)


def test_pairing_narrows_the_interval_when_models_err_together() -> None:
    rng = np.random.default_rng(6)
    first = rng.random(400) < 0.5
    second = first | (rng.random(400) < 0.1)
    images = np.arange(400) // 2
    alone, paired = clustered_mean(first, images), paired_difference(first, second, images)
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_mcnemar_by_hand() -> None:
    first = [1, 1, 1, 0, 0, 0, 0, 0, 1]
    second = [1, 1, 0, 1, 1, 1, 1, 1, 1]
    result = mcnemar(first, second)
    assert (result.first_only, result.second_only) == (1, 5)
    assert result.p_value == pytest.approx(2 * (1 + 6) / 2**6)  # P(at most 1 of 6), both sides
    assert mcnemar(second, first).p_value == pytest.approx(result.p_value)


def test_mcnemar_without_disagreement_shows_nothing() -> None:
    assert mcnemar([1, 0], [1, 0]).p_value == 1.0


def test_wilson_by_its_formula() -> None:
    z, p, n = 1.959963984540054, 0.3, 50
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    assert wilson(15, 50) == pytest.approx((middle - half, middle + half))
    with pytest.raises(HairsplitError, match="no trials"):
        wilson(0, 0)


def test_unequal_lengths_are_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="clusters"):
        clustered_mean([1, 0], ["a"])
    with pytest.raises(ValueError, match="kinds"):
        clustered_macro_mean([1, 0], ["k"], ["a", "b"])
    with pytest.raises(ValueError, match="same items"):
        mcnemar([1], [1, 0])


def test_holm_by_hand_keeps_the_order_given() -> None:
    # sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, and none below a smaller one
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([0.3]) == [0.3]
    assert holm([]) == []
    with pytest.raises(ValueError, match="not p-values"):
        holm([0.5, 1.5])


@given(p_values=lists(floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values: list[float]) -> None:
    adjusted, level = holm(p_values), 0.05
    rejected, order = set[int](), sorted(range(len(p_values)), key=p_values.__getitem__)
    for place, n in enumerate(order):
        if p_values[n] * (len(p_values) - place) > level:
            break
        rejected.add(n)
    assert {n for n, value in enumerate(adjusted) if value <= level} == rejected
