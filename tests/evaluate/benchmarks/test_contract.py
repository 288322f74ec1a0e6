"""What every benchmark must be and do; a new file in the folder is tested with no edit here."""

import re
from pathlib import Path

import numpy as np
import pytest

from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.benchmarks import BENCHMARKS, Benchmark, data_record, judge_benchmark, prepare
from hairsplit.evaluate.benchmarks._benchmark import Questions
from tests.evaluate.benchmarks.made import make
from tests.small_world import SHAPE, constant_encoder

NAMES = BENCHMARKS.names()
PUBLISHED_ITEMS = {
    "aro_coco_order": 25_010,
    "aro_flickr_order": 5_000,
    "aro_vg_attribution": 28_748,
    "aro_vg_relation": 23_937,
    "coco_retrieval": 25_010,
    "consistency": None,
    "flickr8k_retrieval": 5_000,
    "flickr_retrieval": 5_000,
    "hnc_test": 871,
    "nlvr": None,
    "structure_clip_coco": None,
    "sugarcrepe": 7_511,
    "sugarcrepe_pp": 4_757,
    "valse": 7_702,
    "vl_checklist": None,
    "vsr": None,
    "whatsup": 4_958,
    "winoground": 400,
    "zero_shot": None,
    "zero_shot_multi_label": None,
}
"""Golden; a change here is a change of what a score means."""


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


def test_the_folder_holds_these_benchmarks_with_these_item_counts() -> None:
    assert {name: BENCHMARKS[name].items for name in PUBLISHED_ITEMS} == PUBLISHED_ITEMS


@pytest.mark.parametrize("name", NAMES)
def test_each_says_where_it_comes_from_and_how_it_counts(name: str) -> None:
    entry = BENCHMARKS[name]
    assert isinstance(entry, Benchmark)
    assert re.fullmatch(r"(arXiv:\d{4}\.\d{4,5}|doi:10\.\S+|https?://\S+)", entry.reference)
    assert re.search(r", \w.*(19|20)\d\d", entry.citation)
    assert entry.licence
    assert entry.tie_rule
    assert entry.collections
    assert entry.items is not None or entry.items_note
    assert all(file.published.strip() for file in entry.files)
    assert all(collection.folders and collection.published for collection in entry.collections)
    names = [rule.name for rule in entry.aggregates]
    assert len(set(names)) == len(names)
    assert {rule.outcome for rule in entry.aggregates} <= {outcome.name for outcome in entry.outcomes}
    assert set(entry.example) <= {file.name for file in entry.files} | {"prompts.txt"}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_judged_on_the_example_with_n_chance_and_intervals(
    name: str, encoder: DualEncoder, tmp_path: Path
) -> None:
    entry = BENCHMARKS[name]
    prepared = prepare(name, entry, make(name, tmp_path))
    judged = judge_benchmark(encoder, prepared)
    assert judged.table.num_rows == judged.items > 0
    assert judged.numbers
    found = [number.estimate for number in judged.numbers if number.estimate is not None]
    assert found
    for estimate in found:
        assert 0 <= estimate.value <= 1
        assert estimate.n > 0
        assert estimate.chance is not None
        assert 0 < estimate.chance <= 1
        assert not estimate.low > estimate.value
        assert not estimate.high < estimate.value
    for outcome, chance in entry.chance.items():
        if chance is not None:
            mine = [n.estimate for n in judged.numbers if n.outcome == outcome and n.estimate is not None]
            assert [estimate.chance for estimate in mine] == pytest.approx([chance] * len(mine))
    assert all(number.published or name in {"sugarcrepe", "vl_checklist"} for number in judged.numbers)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_to_which_all_texts_are_the_same_is_right_about_nothing(name: str, tmp_path: Path) -> None:
    if name in {"consistency", "winoground", "nlvr"}:  # equal texts can still tell images apart
        pytest.skip("asks about images as well")
    judged = judge_benchmark(constant_encoder(), prepare(name, BENCHMARKS[name], make(name, tmp_path)))
    for number in judged.numbers:
        if (
            number.estimate is None
            or number.outcome in {"recall", "auc", "average_precision"}
            or number.name == "top-5"
        ):
            continue
        assert number.estimate.value == 0, number.name
        if number.ties_hit is not None:
            assert number.ties_hit == 1


@pytest.mark.parametrize("name", NAMES)
def test_judging_twice_gives_the_same_numbers_and_the_same_hash(
    name: str, encoder: DualEncoder, tmp_path: Path
) -> None:
    make(name, tmp_path)
    first, second = (prepare(name, BENCHMARKS[name], tmp_path) for _ in range(2))
    assert data_record(first) == data_record(second)
    one, two = judge_benchmark(encoder, first), judge_benchmark(encoder, second)
    assert one.table.equals(two.table)
    assert repr(one.numbers) == repr(two.numbers)


@pytest.mark.parametrize("name", NAMES)
def test_the_table_holds_what_the_numbers_are_made_of(name: str, encoder: DualEncoder, tmp_path: Path) -> None:
    prepared = prepare(name, BENCHMARKS[name], make(name, tmp_path))
    judged = judge_benchmark(encoder, prepared)
    if not isinstance(prepared.suite, Questions):
        assert {"image"} < set(judged.table.column_names)
        return
    rows = judged.table.to_pylist()
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert len(row["cosines"]) == len(row["images"]) * len(row["captions"])
        assert np.abs(row["cosines"]).max() <= 1 + 1e-6
    for kind, outcomes in judged.kinds.items():
        for outcome, estimate in outcomes.items():
            mine = [row[outcome] for row in rows if row["kind"] == kind]
            assert estimate.value == pytest.approx(sum(mine) / len(mine))
            assert estimate.n == len(mine)


def test_the_documentation_names_every_benchmark_and_every_aggregate() -> None:
    page = (Path(__file__).parents[3] / "docs" / "benchmarks.md").read_text("utf-8")
    for name in NAMES:
        assert f"`{name}`" in page
        for rule in BENCHMARKS[name].aggregates:
            assert rule.name in page, f"{name}: {rule.name}"
