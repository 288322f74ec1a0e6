"""Tables sorted by image, merged in bounded memory: the same rows in the same order, however they were parted."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import gt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import ROWS_PER_GROUP, SCHEMA

BATCH = 4_000
"""Rows of a part in memory at once."""


def sorted_runs(tables: Iterable[pa.Table], folder: Path) -> list[Path]:
    """Write rows, of which those of an image stand together, to files each of which is sorted by image."""
    runs: list[Path] = []
    waiting: list[pa.Table] = []

    def close() -> None:
        whole = pa.concat_tables(waiting)
        path = folder / f"run-{len(runs)}.arrow"
        runs.append(path)
        order = pc.sort_indices(whole.column("image_id"))  # stable
        if not np.array_equal(order, np.arange(len(order))):  # a file may well be sorted already
            whole = whole.take(order)
        write_run(path, [whole.combine_chunks()], whole.schema)
        waiting.clear()

    for table in tables:
        waiting.append(table)
        if sum(some.num_rows for some in waiting) >= ROWS_PER_GROUP:
            close()
    if waiting:
        close()
    return runs


def write_run(path: Path, tables: Iterable[pa.Table], schema: pa.Schema = SCHEMA) -> None:
    """Write rows to a temporary file, in less time than a pairs table takes."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=options) as writer:
        for table in tables:
            writer.write_table(table, max_chunksize=BATCH)


def run_batches(path: Path) -> Iterator[pa.Table]:
    """The rows of a sorted run, some at a time."""
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])


def merged(streams: Sequence[tuple[str, Iterable[pa.Table]]]) -> Iterator[pa.Table]:
    """The rows of all streams (name and tables, each sorted by image), image by image.

    Raises:
        HairsplitError: A stream is not sorted, or an image is in two of them.
    """
    parts = [_checked(name, batches) for name, batches in streams]
    heads = [(ids[0], number, ids, batch) for number, part in enumerate(parts) for ids, batch in [*islice(part, 1)]]
    heapq.heapify(heads)
    last = ("", 0)
    while heads:
        image_id, number, ids, batch = heapq.heappop(heads)
        if image_id == last[0] and number != last[1]:
            problem = f"image {image_id} is in {streams[last[1]][0]}, too"
            raise HairsplitError(problem, where=streams[number][0], hint="give each part of a run once")
        # all rows up to the first image of another part, most often the whole batch
        count = bisect_left(ids, heads[0][0]) if heads else len(ids)
        count = max(count, bisect_right(ids, image_id))
        last = (ids[count - 1], number)
        yield batch.slice(0, count)
        rest = [(ids[count:], batch.slice(count))] if count < len(ids) else [*islice(parts[number], 1)]
        for ids, batch in rest:
            heapq.heappush(heads, (ids[0], number, ids, batch))


def _checked(name: str, batches: Iterable[pa.Table]) -> Iterator[tuple[list[str], pa.Table]]:
    """The batches that have rows, each with its image ids, which must be sorted."""
    last = ""
    for batch in batches:
        ids = batch.column("image_id").to_pylist()
        if any(map(gt, [last, *ids], ids)):
            raise HairsplitError("not sorted by image", where=name, hint="merge tables of `hairsplit captions`")
        if ids:
            last = ids[-1]
            yield ids, batch


def table_batches(path: Path) -> Iterator[pa.Table]:
    """The rows of a pairs table, some at a time; columns that an older table lacks are empty."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=BATCH):
            table = pa.Table.from_batches([batch])
            for field in SCHEMA:
                if field.name not in table.column_names:
                    table = table.append_column(field, pa.nulls(len(table), field.type))
            yield table.select(SCHEMA.names)


def gathered(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in fewer tables."""
    waiting: list[pa.Table] = []
    rows = 0
    for piece in pieces:
        waiting.append(piece)
        rows += piece.num_rows
        if rows >= BATCH:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()
