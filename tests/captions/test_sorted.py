"""Sorted tables are merged image by image, however they were parted and cut into batches."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from hairsplit.captions._sorted import merged, run_batches, sorted_runs
from hairsplit.core.errors import HairsplitError


def table(ids: list[str], numbers: list[int]) -> pa.Table:
    return pa.table({"image_id": ids, "number": numbers})


def cut(rows: pa.Table, rng: Random) -> Iterator[pa.Table]:
    """The rows in batches of any size, some of them empty, some of which end within an image."""
    start = 0
    while start < rows.num_rows:
        size = rng.randrange(6)
        yield rows.slice(start, size)
        start += size


@pytest.mark.parametrize("seed", range(8))
def test_merged_rows_are_the_sorted_ones(seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - for a test
    ids = sorted(f"{rng.randrange(40):02}" for _ in range(150))
    numbers = list(range(150))
    part_of = {image_id: rng.randrange(seed + 1) for image_id in ids}
    parts = []
    for part in range(seed + 1):
        chosen = [n for n in numbers if part_of[ids[n]] == part]
        parts.append((str(part), cut(table([ids[n] for n in chosen], chosen), rng)))
    found = pa.concat_tables(merged(parts))
    assert found.column("image_id").to_pylist() == ids
    assert found.column("number").to_pylist() == numbers


def test_parts_one_after_the_other_are_handed_on_whole() -> None:
    one, two = table(["a", "a", "b"], [1, 2, 3]), table(["c", "d"], [4, 5])
    assert [rows.num_rows for rows in merged([("one", [one]), ("two", [two])])] == [3, 2]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("other", [["b"], ["a", "b"], ["b", "c"], ["a", "b", "c"]])
def test_an_image_in_two_parts_is_refused(other: list[str], order: tuple[int, int]) -> None:
    tables = table(["b", "b"], [1, 2]), table(other, [0] * len(other))
    parts = [(f"part {n}", [tables[n]]) for n in order]
    with pytest.raises(HairsplitError, match="image b is in part"):
        list(merged(parts))


@pytest.mark.parametrize("batches", [[["b", "a"]], [["b"], ["a"]], [["a", "c"], ["b"]]])
def test_a_part_that_is_not_sorted_is_refused(batches: list[list[str]]) -> None:
    parts = [("torn", [table(ids, [0] * len(ids)) for ids in batches]), ("sound", [table(["z"], [1])])]
    with pytest.raises(HairsplitError, match="not sorted by image"):
        list(merged(parts))


@pytest.mark.parametrize("ids", [["a", "a", "b"], ["b", "a", "a"], ["c", "a", "b"]])
def test_a_run_is_sorted_by_image_whatever_the_order_of_the_graphs(ids: list[str], tmp_path: Path) -> None:
    (run,) = sorted_runs(iter([table(ids, [1, 2, 3])]), tmp_path)
    rows = pa.concat_tables(run_batches(run)).to_pydict()
    assert rows["image_id"] == sorted(ids)
    assert rows["number"] == [number for _, number in sorted(zip(ids, [1, 2, 3], strict=True))]
