"""Which pairs of a table are explained, and in which order: grouped by picture, the same for any order of the rows."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number, text_hash
from hairsplit.core.types import Pair
from hairsplit.data.rows import Rows

_TOGETHER = 4096
"""Pictures whose rows are in memory at once."""


@dataclass(frozen=True)
class Chosen:
    """Numbers of the rows to explain."""

    groups: tuple[tuple[int, ...], ...]
    """Rows of each picture, ascending; pictures in the order of their first chosen row."""
    dropped: Mapping[str, int]
    """Reason -> rows left out before the choice."""

    @property
    def count(self) -> int:
        """Rows in all."""
        return sum(map(len, self.groups))

    @property
    def hash(self) -> str:
        """Of the rows and their order, 32 hex digits."""
        return text_hash(";".join(",".join(map(str, group)) for group in self.groups))


def choose(rows: Rows, *, sample: int | None, seed: int, where: str = "explain") -> Chosen:
    """All pairs with a negative, or so many of each kind, drawn by the seed.

    A pair is in the sample or not by its own picture and words, wherever it stands in the table: those of a kind whose
    hashes with the seed are smallest.

    Raises:
        HairsplitError: There is no row, or none with a negative.
    """
    dropped: Counter[str] = Counter()
    taken: list[int] = []
    drawn: dict[str, list[tuple[int, int]]] = {}  # kind -> heap of (-hash, -row): the largest hash goes first
    for row, (caption, negative) in enumerate(_texts(rows)):
        if negative is None:
            dropped["no negative"] += 1
        elif sample is None:
            taken.append(row)
        else:
            kind, image = rows.kinds.names[rows.kinds.codes[row]], rows.images.names[rows.images.codes[row]]
            mine = (-number(seed, "explained", kind, image, caption, negative), -row)
            heap = drawn.setdefault(kind, [])
            if len(heap) < sample:
                heapq.heappush(heap, mine)
            else:
                heapq.heappushpop(heap, mine)
    taken = taken or sorted(-row for heap in drawn.values() for _, row in heap)
    if not len(rows):
        raise HairsplitError("the table has no rows", where=where, hint="make it again: hairsplit captions, or import")
    if not taken:
        raise HairsplitError("no row has a negative", where=where, hint="there is no margin to explain without one")
    groups: dict[int, list[int]] = {}
    for row in taken:
        groups.setdefault(int(rows.images.codes[row]), []).append(row)
    return Chosen(tuple(map(tuple, groups.values())), dict(dropped))


def groups_of(rows: Rows, chosen: Chosen, start: int) -> Iterator[list[tuple[int, Pair]]]:
    """Yield the numbered pairs of each picture from number `start` on, some thousand pictures in memory at a time."""
    for first in range(start, len(chosen.groups), _TOGETHER):
        portion = chosen.groups[first : first + _TOGETHER]
        wanted: NDArray[np.int64] = np.sort(np.array([row for group in portion for row in group], np.int64))
        pairs = dict(zip(wanted.tolist(), rows.take(wanted).pairs(), strict=True))
        for group in portion:
            yield [(row, pairs[row]) for row in group]


def _texts(rows: Rows) -> Iterator[tuple[str, str | None]]:
    for captions, negatives in rows.texts():
        yield from zip(captions, negatives, strict=True)
