"""The columns of a pairs table that an audit reads, as numbers: a million pairs in a few hundred megabytes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_meta
from hairsplit.core.types import Pair

Codes = NDArray[np.int64]
NONE = -1
_WORD = re.compile(r"[\w'’]+")
_COLUMNS = ("image", "image_id", "caption", "negative", "kind", "source")
_FULL = frozenset(_COLUMNS) - {"negative"}


@dataclass(frozen=True, eq=False)
class PairColumns:
    """n rows of a pairs table; each text and name is held once, and rows hold its number."""

    texts: list[str]
    caption: Codes
    """[n] which text is the true caption."""
    negative: Codes
    """[n] which text is the negative; -1 where there is none."""
    images: list[str]
    image: Codes
    image_ids: list[str]
    image_id: Codes
    kinds: list[str]
    """Sorted."""
    kind: Codes
    sources: list[str]
    source: Codes

    def __len__(self) -> int:
        return len(self.caption)

    @cached_property
    def plain(self) -> Codes:
        """Per text a number that is equal for texts that are the same but for case and spaces."""
        return _numbered(" ".join(text.lower().split()) for text in self.texts)

    @cached_property
    def bare(self) -> Codes:
        """The same, with punctuation left out as well."""
        return _numbered(" ".join(_WORD.findall(text.lower())) for text in self.texts)

    @property
    def with_negative(self) -> Codes:
        """Rows that have a negative."""
        return np.flatnonzero(self.negative != NONE)

    def row(self, number: int) -> dict[str, str | int | None]:
        """One row as plain values, with its number."""
        negative = int(self.negative[number])
        return {
            "row": int(number),
            "image": self.images[self.image[number]],
            "image_id": self.image_ids[self.image_id[number]],
            "kind": self.kinds[self.kind[number]],
            "caption": self.texts[self.caption[number]],
            "negative": None if negative == NONE else self.texts[negative],
        }


def read_columns(path: Path) -> PairColumns:
    """Read what an audit needs of a pairs table; its pictures need not be there.

    Raises:
        HairsplitError: Not a pairs table, torn, a column is of another type, or a required one has empty cells.
    """
    read_meta(path)
    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
        columns = {name: table.column(name).cast(pa.string()) for name in _COLUMNS}
    except (OSError, pa.ArrowException) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise HairsplitError(f"its rows are torn ({reason})", where=str(path), hint="make it again") from None
    for name in sorted(_FULL):
        if columns[name].null_count:
            raise HairsplitError(f"the column {name!r} has empty cells", where=str(path), hint="make it again")
    return _coded(columns)


def columns_of(pairs: Iterable[Pair]) -> PairColumns:
    """The same of pairs in memory."""
    lists: dict[str, list[str | None]] = {name: [] for name in _COLUMNS}
    for pair in pairs:
        for name, cells in lists.items():
            cells.append(getattr(pair, name))
    return _coded({name: pa.chunked_array([pa.array(cells, pa.string())]) for name, cells in lists.items()})


def _coded(columns: dict[str, pa.ChunkedArray]) -> PairColumns:
    rows = len(columns["caption"])
    texts, codes = _encode(pa.chunked_array([*columns["caption"].chunks, *columns["negative"].chunks], pa.string()))
    images, image = _encode(columns["image"])
    image_ids, image_id = _encode(columns["image_id"])
    kinds, kind = _sorted(*_encode(columns["kind"]))
    sources, source = _sorted(*_encode(columns["source"]))
    return PairColumns(
        texts=texts,
        caption=codes[:rows],
        negative=codes[rows:],
        images=images,
        image=image,
        image_ids=image_ids,
        image_id=image_id,
        kinds=kinds,
        kind=kind,
        sources=sources,
        source=source,
    )


def _numbered(texts: Iterable[str]) -> Codes:
    """Equal texts have equal numbers, in order of appearance."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(text, len(known)) for text in texts], np.int64)


def _encode(column: pa.ChunkedArray) -> tuple[list[str], Codes]:
    """Distinct values in order of appearance, and their number per row; -1 for null."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):  # of a column without chunks
        coded = pa.concat_arrays(coded.chunks) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    numbers = coded.indices.fill_null(NONE).to_numpy(zero_copy_only=False).astype(np.int64)
    return coded.dictionary.to_pylist(), numbers


def _sorted(names: list[str], codes: Codes) -> tuple[list[str], Codes]:
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), np.int64)
    place[order] = np.arange(len(names))
    return [names[i] for i in order], place[codes] if len(names) else codes
