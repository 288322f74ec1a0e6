"""Each blind reader finds the shortcut planted for it, and none finds one in a balanced table."""

import math

import numpy as np
import pytest

from hairsplit.core.types import Estimate, Pair
from hairsplit.evaluate.audit_attacks import ATTACKS, Attacks, attack, clearly_above_chance, strongest
from hairsplit.evaluate.audit_columns import columns_of
from hairsplit.evaluate.audit_text import text_facts
from tests.evaluate.audits import balanced, planted, table


def attacked(rows: list[Pair], **options: int) -> Attacks:
    columns = columns_of(rows)
    return attack(columns, text_facts(columns), resamples=300, **options)


@pytest.mark.parametrize(
    ("shortcut", "finders"),
    [
        ("length", {"length", "words", "n-grams"}),
        ("markers", {"markers", "words", "n-grams"}),
        ("words", {"words", "n-grams"}),
        ("n-grams", {"n-grams"}),
    ],
)
def test_a_planted_shortcut_is_found_by_who_can_read_it_and_by_nobody_else(shortcut: str, finders: set[str]) -> None:
    results = attacked(list(planted(400, shortcut))).results
    for name in ATTACKS:
        estimate = results[name].overall
        assert estimate is not None
        if name in finders:
            assert estimate.low > 0.8, name
            assert estimate.low < 0.9 < estimate.high + 0.02, name  # 10 % of the pairs are planted the wrong way round
        else:
            assert estimate.low <= 0.5 <= estimate.high, name


def test_every_interval_of_a_balanced_table_covers_chance() -> None:
    results = attacked(list(balanced(1_500))).results
    assert set(results) == set(ATTACKS)
    for name, result in results.items():
        assert result.overall is not None
        assert result.overall.low <= 0.5 <= result.overall.high, name
    assert results["length"].overall is not None
    assert results["length"].overall.high < 0.55


def test_a_rule_may_hold_for_one_kind_and_its_opposite_for_another() -> None:
    rows = [*planted(200, "length"), *planted(200, "short negative")]
    by_kind = attacked(list(rows)).results["length"].by_kind
    assert by_kind["length"].low > 0.8
    assert by_kind["short negative"].low > 0.8


def test_ties_count_half_and_strictly_as_misses() -> None:
    rows = [(f"i{n}", f"a cup {n % 7}", f"a hat {n % 7}") for n in range(40)]
    columns = table(*rows)
    result = attack(columns, text_facts(columns), resamples=100).results["markers"]
    assert result.overall is not None
    assert result.strict is not None
    assert (result.overall.value, result.strict.value, result.ties) == (0.5, 0.0, 40)


def test_no_image_is_in_training_and_test() -> None:
    """Each image has its own give-away word, of no use for other images."""
    rows = [(f"i{n // 5}", f"a sign{n // 5}", f"a other{n // 5}") for n in range(100)]
    columns = table(*rows)
    for name in ("words", "n-grams"):
        assert attack(columns, text_facts(columns), resamples=100).results[name].ties == 100


def test_all_readers_read_the_same_seeded_sample() -> None:
    rows = list(balanced(300))
    one, two, other = (attacked(rows, most_pairs=80, seed=seed) for seed in (1, 1, 2))
    assert len(one.sampled) == 80
    assert one.n_total == 300
    assert np.array_equal(one.sampled, two.sampled)
    assert not np.array_equal(one.sampled, other.sampled)
    assert {result.n_used for result in one.results.values()} == {80}
    assert [r.overall for r in one.results.values()] == [r.overall for r in two.results.values()]


def test_too_few_pairs_have_a_reason_and_no_strongest_reader() -> None:
    found = attacked(list(balanced(4)))
    assert found.reason is not None
    assert "too few" in found.reason
    assert strongest(found.results) is None


def test_one_of_many_numbers_must_lie_further_above_chance() -> None:
    estimate = Estimate(0.55, 0.51, 0.59, 100, 0.5)
    assert clearly_above_chance(estimate, 1)
    assert not clearly_above_chance(estimate, 40)
    assert clearly_above_chance(Estimate(0.9, 0.85, 0.95, 100, 0.5), 40)
    assert not clearly_above_chance(Estimate(0.9, math.nan, math.nan, 100, 0.5), 1)


def test_the_strongest_reader_is_the_one_surest_to_be_above_chance() -> None:
    found = attacked(list(planted(200, "n-grams")))
    best = strongest(found.results, "n-grams")
    assert best is not None
    assert best[0] == "n-grams"
    assert strongest(found.results, "unknown kind") is None
