"""What an audit reads of a table: each text once, and a number per row."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import KEY, PairsMeta, write_pairs
from hairsplit.evaluate.audit_columns import PairColumns, columns_of, read_columns
from tests.evaluate.audits import pair

PAIRS = [pair("b", "x", "y", "second"), pair("a", "y", None, "first"), pair("b", "x", "z", "second", "other")]


def rows(table: PairColumns) -> list[dict[str, str | int | None]]:
    return [table.row(number) for number in range(len(table))]


def test_a_file_and_pairs_in_memory_give_the_same_rows(tmp_path: Path) -> None:
    write_pairs(tmp_path / "t.parquet", PAIRS, PairsMeta("nowhere"), rows_per_group=2)
    table = read_columns(tmp_path / "t.parquet")
    assert rows(table) == rows(columns_of(PAIRS))
    assert [row["caption"] for row in rows(table)] == ["x", "y", "x"]
    assert [row["negative"] for row in rows(table)] == ["y", None, "z"]
    assert table.with_negative.tolist() == [0, 2]
    assert table.kinds == ["first", "second"]
    assert [table.sources[n] for n in table.source] == ["made by hand", "made by hand", "other"]
    assert sorted(table.texts) == ["x", "y", "z"]


def test_a_table_without_rows_has_no_rows(tmp_path: Path) -> None:
    write_pairs(tmp_path / "t.parquet", [], PairsMeta())
    assert len(read_columns(tmp_path / "t.parquet")) == 0
    assert len(columns_of([])) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.set_column(2, "caption", pa.array([None, "y", "x"], pa.string())), "'caption' has empty"),
        (lambda table: table.set_column(2, "caption", pa.array([[1], [2], [3]])), "its rows are torn"),
        (lambda table: table.drop_columns(["kind"]), "lacks the column kind"),
    ],
)
def test_columns_of_another_shape_are_refused(tmp_path: Path, change: object, message: str) -> None:
    write_pairs(tmp_path / "t.parquet", PAIRS, PairsMeta())
    table = change(pq.read_table(tmp_path / "t.parquet"))  # type: ignore[operator]
    pq.write_table(table.replace_schema_metadata({KEY: b"{}"}), tmp_path / "u.parquet")
    with pytest.raises(HairsplitError, match=message):
        read_columns(tmp_path / "u.parquet")
