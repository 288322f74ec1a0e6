"""The text-only column of a benchmark: every aggregate where an item is one pair of captions, else the first."""

from pathlib import Path

import numpy as np
import pytest

from hairsplit.encoders.dual_encoder import new
from hairsplit.evaluate.benchmarks import BENCHMARKS, Questions, blind_estimates, judge_benchmark, prepare
from hairsplit.evaluate.benchmarks._blind import blind_items
from tests.evaluate.benchmarks.made import make
from tests.small_world import SHAPE


def test_each_aggregate_is_its_rule_on_the_blind_readers_credits(tmp_path: Path) -> None:
    entry = BENCHMARKS["sugarcrepe"]
    prepared = prepare("sugarcrepe", entry, make("sugarcrepe", tmp_path))
    found, estimates = blind_estimates(entry, prepared.suite, seed=4)
    assert found is not None
    assert isinstance(prepared.suite, Questions)
    assert found == blind_items(prepared.suite.items, seed=4)
    judged = judge_benchmark(new(SHAPE), prepared)
    assert estimates.keys() == {(one.part, one.name) for one in judged.measures}
    kinds = np.array([item.kind for item in prepared.suite.items])
    for (part, name), estimate in estimates.items():
        if part == "kind":
            assert estimate.value == pytest.approx(found.credits[kinds == name].mean())
    assert found.overall is not None
    assert any(one.value == pytest.approx(found.overall.value) for one in estimates.values())


@pytest.mark.parametrize("name", ["winoground", "coco_retrieval", "zero_shot"])
def test_a_benchmark_that_no_blind_reader_can_answer_has_none(name: str, tmp_path: Path) -> None:
    entry = BENCHMARKS[name]
    prepared = prepare(name, entry, make(name, tmp_path))
    assert blind_estimates(entry, prepared.suite)[1] == {}


def test_items_of_several_captions_have_the_pairs_number_at_the_first_aggregate_only(tmp_path: Path) -> None:
    entry = BENCHMARKS["sugarcrepe_pp"]
    prepared = prepare("sugarcrepe_pp", entry, make("sugarcrepe_pp", tmp_path))
    found, estimates = blind_estimates(entry, prepared.suite)
    assert found is not None
    assert estimates == ({} if found.overall is None else {("aggregate", entry.aggregates[0].name): found.overall})
