"""The rows of a pairs table as training needs them: a few numbers of each in memory, texts read when asked for."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hairsplit.core.run import file_hash
from hairsplit.core.tables import PairsTable, iterate_blocks, pairs_of, read_head
from hairsplit.core.types import Pair

Integers = NDArray[np.int64]
Texts = tuple[list[str], list[str | None]]
"""Captions and negatives of consecutive rows."""
Place = tuple[str, str, str]
"""Image, image id and source."""
_BLOCK = 50_000
"""Rows of which the texts are in memory at once."""


@dataclass(frozen=True)
class Coded:
    """A column of few different texts: row n holds `names[codes[n]]`."""

    names: tuple[str, ...]
    codes: NDArray[np.int32]

    def present(self) -> list[str]:
        """The texts that occur, sorted."""
        return sorted(self.names[code] for code in np.unique(self.codes).tolist())

    def mapped(self, values: Sequence[float]) -> NDArray[np.float64]:
        """For each row, the value that stands where its text stands in `names`."""
        return np.array(values, np.float64)[self.codes]


class Rows(Sequence[Pair], ABC):
    """Pairs by number; `images`, `kinds` and `weights` of all of them are at hand."""

    images: Coded
    kinds: Coded
    weights: NDArray[np.float64]
    """Each pair's own; 1 where it has none."""

    @abstractmethod
    def texts(self) -> Iterator[Texts]:
        """Yield the captions and negatives of all rows, in order, some 10,000 at a time."""

    @abstractmethod
    def evidence(self) -> Iterator[list[str | None]]:
        """Yield what the negatives of all rows rest on (None: not told), in order, many at a time."""

    @abstractmethod
    def places(self) -> list[Place]:
        """The different (image, image id, source), in order of their last row."""

    @abstractmethod
    def take(self, rows: Integers) -> "Rows":
        """The rows of these numbers, which ascend."""

    @abstractmethod
    def pairs(self) -> tuple[Pair, ...]:
        """All of them in memory."""

    @abstractmethod
    def pair(self, row: int) -> Pair:
        """One of them, by a number from 0."""

    def __len__(self) -> int:
        return len(self.images.codes)

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Pair, ...]: ...
    def __getitem__(self, index: int | slice) -> Pair | tuple[Pair, ...]:
        """A pair, or some."""
        if isinstance(index, slice):
            return tuple(self.pair(row) for row in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.pair(index % len(self))


class HeldRows(Rows):
    """Rows of pairs in memory."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = tuple(pairs)
        self.images = _coded([pair.image for pair in pairs])
        self.kinds = _coded([pair.kind for pair in pairs])
        self.weights = np.array([1.0 if pair.weight is None else pair.weight for pair in pairs], np.float64)

    def texts(self) -> Iterator[Texts]:
        """See `Rows`."""
        for start in range(0, len(self), _BLOCK):
            block = self._pairs[start : start + _BLOCK]
            yield [pair.caption for pair in block], [pair.negative for pair in block]

    def evidence(self) -> Iterator[list[str | None]]:
        """See `Rows`."""
        yield [pair.evidence for pair in self._pairs]

    def places(self) -> list[Place]:
        """See `Rows`."""
        last = dict.fromkeys((pair.image, pair.image_id, pair.source) for pair in reversed(self._pairs))
        return list(reversed(last))

    def take(self, rows: Integers) -> "HeldRows":
        """See `Rows`."""
        return HeldRows([self._pairs[row] for row in rows.tolist()])

    def pairs(self) -> tuple[Pair, ...]:
        """See `Rows`."""
        return self._pairs

    def pair(self, row: int) -> Pair:
        """See `Rows`."""
        return self._pairs[row]


class StoredRows(Rows):
    """Rows of a pairs table on disk: about 24 bytes of memory each, whatever the texts.

    Raises:
        HairsplitError: The table is torn, a column is of another type, or a required one has an empty cell.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        counts = pq.read_metadata(path)
        sizes = [counts.row_group(n).num_rows for n in range(counts.num_row_groups)]
        self._starts = np.cumsum([0, *sizes])
        kinds: dict[str, int] = {}
        images: dict[str, int] = {}
        places: dict[Place, int] = {}
        kind_codes, image_codes, place_codes, weights = ([] for _ in range(4))
        for block in iterate_blocks(path, ("image", "image_id", "kind", "source", "weight")):
            kind_codes.append(_codes(block.column("kind"), kinds))
            image_codes.append(_codes(block.column("image"), images))
            place_codes.append(_place_codes(block, places))
            own = block.column("weight") if "weight" in block.schema.names else pa.nulls(block.num_rows, pa.float64())
            weights.append(own.cast(pa.float64()).fill_null(1.0).to_numpy(zero_copy_only=False))
        self.kinds, self.images = Coded(tuple(kinds), _joined(kind_codes)), Coded(tuple(images), _joined(image_codes))
        self.weights = np.concatenate([np.empty(0), *weights])
        self._places, self._place_codes = tuple(places), _joined(place_codes)
        self._rows: Integers | None = None  # all
        self._group: tuple[int, pa.Table] | None = None

    def texts(self) -> Iterator[Texts]:
        """See `Rows`."""
        for table in self._read(("caption", "negative")):
            yield table["caption"].to_pylist(), table["negative"].to_pylist()

    def evidence(self) -> Iterator[list[str | None]]:
        """See `Rows`."""
        for table in self._read(("kind", "evidence")):
            told = "evidence" in table.column_names  # tables made elsewhere may lack the column
            yield table["evidence"].to_pylist() if told else [None] * table.num_rows

    def places(self) -> list[Place]:
        """See `Rows`."""
        codes, last = np.unique(self._place_codes[::-1], return_index=True)
        return [self._places[code] for code in codes[np.argsort(-last)].tolist()]

    def take(self, rows: Integers) -> "StoredRows":
        """See `Rows`."""
        made = object.__new__(StoredRows)
        made._path, made._starts, made._places, made._group = self._path, self._starts, self._places, None
        made.images = Coded(self.images.names, self.images.codes[rows])
        made.kinds = Coded(self.kinds.names, self.kinds.codes[rows])
        made.weights, made._place_codes = self.weights[rows], self._place_codes[rows]
        made._rows = np.asarray(rows, np.int64) if self._rows is None else self._rows[rows]
        return made

    def pairs(self) -> tuple[Pair, ...]:
        """See `Rows`."""
        return tuple(pair for table in self._read(None) for pair in pairs_of(table))

    def pair(self, row: int) -> Pair:
        """See `Rows`."""
        at = row if self._rows is None else int(self._rows[row])
        group = int(np.searchsorted(self._starts, at, side="right")) - 1
        if self._group is None or self._group[0] != group:
            self._group = (group, pa.Table.from_batches(iterate_blocks(self._path, groups=[group])))
        [found] = pairs_of(self._group[1].slice(at - int(self._starts[group]), 1))
        return found

    def __iter__(self) -> Iterator[Pair]:
        for table in self._read(None):
            yield from pairs_of(table)

    def _read(self, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """Columns of all rows, a row group in memory at a time; groups without a row of ours are left alone."""
        for group in range(len(self._starts) - 1):
            first, end = int(self._starts[group]), int(self._starts[group + 1])
            mine = None
            if self._rows is not None:
                mine = self._rows[np.searchsorted(self._rows, first) : np.searchsorted(self._rows, end)] - first
                if not len(mine):
                    continue
            if first < end:
                table = pa.Table.from_batches(iterate_blocks(self._path, columns, [group]))
                yield table if mine is None else table.take(pa.array(mine))


def open_pairs(path: Path, images: Path | None = None) -> PairsTable:
    """As `core.tables.read_pairs`, with the rows left on disk (`StoredRows`).

    Raises:
        HairsplitError: Not a pairs table, it is torn, or its images root does not exist.
    """
    meta, root = read_head(path, images)
    return PairsTable(StoredRows(path), root, meta, file_hash(path), path)


def rows_of(table: PairsTable) -> Rows:
    """The rows of a table, in memory or not."""
    return table.pairs if isinstance(table.pairs, Rows) else HeldRows(table.pairs)


def _coded(texts: Sequence[str]) -> Coded:
    numbers: dict[str, int] = {}
    codes = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts), np.int32, len(texts))
    return Coded(tuple(numbers), codes)


def _encoded(column: pa.Array) -> Coded:
    made = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return Coded(tuple(made.dictionary.to_pylist()), made.indices.to_numpy().astype(np.int32))


def _codes(column: pa.Array, numbers: dict[str, int]) -> NDArray[np.int32]:
    found = _encoded(column)
    return np.array([numbers.setdefault(text, len(numbers)) for text in found.names], np.int32)[found.codes]


def _place_codes(block: pa.RecordBatch, numbers: dict[Place, int]) -> NDArray[np.int32]:
    images, ids, sources = (_encoded(block.column(name)) for name in ("image", "image_id", "source"))
    joined = (images.codes.astype(np.int64) * len(ids.names) + ids.codes) * len(sources.names) + sources.codes
    different, inverse = np.unique(joined, return_inverse=True)
    mine = []
    for code in different.tolist():
        rest, source = divmod(code, len(sources.names))
        image, image_id = divmod(rest, len(ids.names))
        place = images.names[image], ids.names[image_id], sources.names[source]
        mine.append(numbers.setdefault(place, len(numbers)))
    return np.array(mine, np.int32)[inverse]


def _joined(parts: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate([np.empty(0, np.int32), *parts])
