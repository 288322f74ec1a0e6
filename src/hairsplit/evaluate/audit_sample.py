"""A seeded look at a table: pairs of every kind, with what the table says of where and why their negative is false."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import stream
from hairsplit.evaluate.audit_columns import PairColumns

SHOWN = 50
"""Pairs, unless asked for more or fewer."""
PROVENANCE = ("edit_role", "evidence", "boxes")
"""Optional columns of a pairs table that a look at it shows."""


def sample_pairs(
    table: PairColumns, path: Path | None = None, *, seed: int = 0, most: int = SHOWN
) -> list[dict[str, Any]]:
    """At most `most` rows with a negative, evenly over the kinds; sorted by kind, then as in the table.

    Args:
        table: The columns that every table has.
        path: The pairs table itself, to read provenance from; None: there is none.
        seed: Of the draw.
        most: Rows in all; kinds with fewer rows than their share leave it to the others.

    Returns:
        Plain values of each row, and those columns of `PROVENANCE` that the table has.

    Raises:
        HairsplitError: The table is torn.
    """
    rows = sorted(_drawn(table, seed, most), key=lambda row: (table.kind[row], row))
    provenance = _provenance(path, rows) if path is not None else {}
    return [table.row(row) | provenance.get(row, {}) for row in rows]


def _drawn(table: PairColumns, seed: int, most: int) -> list[int]:
    paired = table.with_negative
    waiting = []
    for number, kind in enumerate(table.kinds):
        rows = paired[table.kind[paired] == number].tolist()
        few = min(most, len(rows))
        waiting.append(stream(seed, "a look at the table", kind).sample(rows, few))
    drawn: list[int] = []
    while len(drawn) < most and any(waiting):
        drawn += [rows.pop() for rows in waiting if rows]
    return drawn[:most]


def _provenance(path: Path, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Row -> its optional columns; a row group in memory at a time, and only those that hold such a row."""
    found: dict[int, dict[str, Any]] = {}
    try:
        file = pq.ParquetFile(path)
        names = [name for name in PROVENANCE if name in file.schema_arrow.names]
        for group, start, inside in _groups(file, rows):
            block = file.read_row_group(group, columns=names).take(pa.array(inside))
            for place, values in zip(inside, block.to_pylist(), strict=True):
                found[start + place] = values
    except (OSError, pa.ArrowException) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise HairsplitError(f"its rows are torn ({reason})", where=str(path), hint="make it again") from None
    return found


def _groups(file: pq.ParquetFile, rows: Sequence[int]) -> Iterator[tuple[int, int, list[int]]]:
    """(row group, number of its first row, places of our rows in it)."""
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    ends = np.cumsum(sizes).tolist()
    for group, (size, end) in enumerate(zip(sizes, ends, strict=True)):
        if inside := [row - (end - size) for row in rows if end - size <= row < end]:
            yield group, end - size, inside
