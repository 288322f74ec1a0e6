"""A look at a table: evenly over the kinds, seeded, with the provenance that the table keeps."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, write_pairs
from hairsplit.core.types import Edit
from hairsplit.evaluate.audit_columns import columns_of, read_columns
from hairsplit.evaluate.audit_sample import sample_pairs
from tests.evaluate.audits import balanced, pair


@given(sizes=lists(integers(0, 12), min_size=1, max_size=5), most=integers(0, 30))
def test_kinds_share_what_is_shown_as_evenly_as_they_can(sizes: list[int], most: int) -> None:
    rows = [row for number, size in enumerate(sizes) for row in balanced(size, f"kind {number}")]
    shown = sample_pairs(columns_of(rows), most=most)
    assert len(shown) == min(most, len(rows))
    assert len({row["row"] for row in shown}) == len(shown)
    counts = Counter(row["kind"] for row in shown)
    for number, size in enumerate(sizes):
        mine = counts[f"kind {number}"]
        assert mine == size or mine >= max(counts.values(), default=0) - 1


def test_the_seed_chooses_and_the_order_is_that_of_kinds_and_rows() -> None:
    table = columns_of([*balanced(40, "b"), *balanced(40, "a")])
    shown = sample_pairs(table, most=10)
    assert shown == sample_pairs(table, most=10)
    assert shown != sample_pairs(table, most=10, seed=1)
    assert [(row["kind"], row["row"]) for row in shown] == sorted((row["kind"], row["row"]) for row in shown)


def test_rows_without_a_negative_are_not_shown() -> None:
    assert [row["row"] for row in sample_pairs(columns_of([pair("a", "x", None), pair("b", "x", "y")]))] == [1]


def test_provenance_is_that_of_the_row_over_many_row_groups(tmp_path: Path) -> None:
    rows = [
        replace(row, boxes=f"[{number}]", evidence=f"evidence {number}", edit=Edit("attribute", "a", "b"))
        for number, row in enumerate(balanced(50))
    ]
    write_pairs(tmp_path / "t.parquet", rows, PairsMeta(), rows_per_group=7)
    shown = sample_pairs(read_columns(tmp_path / "t.parquet"), tmp_path / "t.parquet", most=20)
    assert len(shown) == 20
    for row in shown:
        assert (row["boxes"], row["evidence"]) == (f"[{row['row']}]", f"evidence {row['row']}")
        assert (row["caption"], row["edit_role"]) == (rows[row["row"]].caption, "attribute")


def test_a_torn_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(HairsplitError, match="rows are torn") as error:
        sample_pairs(columns_of(balanced(4)), tmp_path / "t.parquet")
    assert "t.parquet" in str(error.value)
