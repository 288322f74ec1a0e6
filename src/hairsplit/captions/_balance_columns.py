"""Pairs as columns of numbers: what the balancing pass keeps of a million pairs in a few hundred megabytes."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit.captions._balance_slots import Combination, around_edit, combinations, slots, template, tree
from hairsplit.core.types import Pair

Rows = NDArray[np.int64]
CONTEXT, EDIT = slice(0, 3), slice(3, 5)
"""Columns of `cells`, fine to coarse. Context, in one half of the images and any template: the two forms; edit and
context; edit and predicate. Edit and template: in one half of the images; in both."""
_CELLS = 5


@dataclass(frozen=True, eq=False)
class Columns:
    """n pairs that have a negative, sorted by a hash of seed and pair: the order in which they are preferred."""

    row: Rows
    """[n] place among the pairs given."""
    n_total: int
    """Pairs given, those without a negative too."""
    families: list[str]
    """Sorted."""
    family: NDArray[np.int64]
    image: NDArray[np.uint64]
    """[n] hash of seed and image."""
    forward: NDArray[np.bool_]
    """[n] whether the edit goes from the alphabetically first to the second."""
    cells: NDArray[np.uint64]
    """[n, 5] hashes of the cells that a pair belongs to: see `CONTEXT` and `EDIT`."""
    texts: list[tuple[str, str]]
    """Distinct (caption, negative), cut down to their edit and its neighbours."""
    text: NDArray[np.int64]
    """[n]"""
    lengths: NDArray[np.int64]
    """[n, 2] words and characters that the caption is longer by."""
    combinations: list[Combination]
    said: "Lists"
    """What the captions put together, n lists; that of a caption repeated in the table is empty from the second on."""
    gained: "Lists"
    """What only the caption puts together."""
    lost: "Lists"
    """What only the negative does."""

    @property
    def half(self) -> NDArray[np.bool_]:
        """[n] the half of the images that a pair belongs to."""
        return (self.image & np.uint64(1)).astype(bool)

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, eq=False)
class Lists:
    """n lists of numbers, end to end."""

    starts: NDArray[np.int64]
    """[n + 1]"""
    values: NDArray[np.int64]

    def take(self, rows: Rows) -> "Lists":
        """The lists of some rows."""
        counts = (self.starts[1:] - self.starts[:-1])[rows]
        starts = np.concatenate([[0], np.cumsum(counts)])
        places = np.repeat(self.starts[rows] - starts[:-1], counts) + np.arange(starts[-1])
        return Lists(starts, self.values[places])

    def sums(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n] sum of the weights of each list."""
        lists = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        found = np.bincount(lists, weights=weights[self.values], minlength=len(self.starts) - 1)
        return found.astype(np.float64)


def columns_of(pairs: Iterable[Pair], seed: int) -> Columns:
    """Read pairs once; about 60 microseconds each."""
    reader = _Reader(seed)
    for pair in pairs:
        reader.add(pair)
    return reader.columns()


class _Reader:
    """Columns while they grow."""

    def __init__(self, seed: int) -> None:
        self._seed = str(seed)
        self._total = 0
        self._row, self._family, self._text, self._lengths = array("q"), array("q"), array("q"), array("q")
        self._key, self._image, self._cells, self._forward = array("Q"), array("Q"), array("Q"), array("b")
        self._lists = [(array("q", [0]), array("q")) for _ in range(3)]
        self._families: dict[str, int] = {}
        self._texts: dict[tuple[str, str], int] = {}
        self._combinations: dict[Combination, int] = {}
        self._captions: set[int] = set()

    def add(self, pair: Pair) -> None:
        """Note one pair down."""
        self._total += 1
        if pair.negative is None:
            return
        found = slots(pair)
        image = _hash(self._seed, pair.image_id)
        edit = (pair.kind, pair.edit.role if pair.edit else "", *sorted((found.before, found.after)))
        half = str(image & 1)
        pattern = pair.template_id or str(template(pair.kind, pair.caption))
        forms = (pair.caption_form or pair.caption, pair.negative_form or pair.negative)
        cells = (
            (half, *sorted(forms)),
            (half, "among", found.context),
            (half, "with", found.predicate),
            (half, pattern),
            (pattern,),
        )
        self._cells.extend(_hash(*edit, *cell) for cell in cells)
        self._forward.append(
            found.before < found.after if found.before != found.after else pair.caption < pair.negative
        )
        self._key.append(_hash(self._seed, *_identity(pair)))
        self._row.append(self._total - 1)
        self._family.append(self._families.setdefault(pair.kind, len(self._families)))
        self._image.append(image)
        around = around_edit(pair.caption, pair.negative)
        self._text.append(self._texts.setdefault(around, len(self._texts)))
        self._lengths.extend(
            (len(pair.caption.split()) - len(pair.negative.split()), len(pair.caption) - len(pair.negative))
        )
        self._note_combinations(pair)

    def _note_combinations(self, pair: Pair) -> None:
        one, two = _combinations(pair.caption_form), _combinations(pair.negative_form)
        said = _hash("said", pair.image_id, pair.caption)
        first = said not in self._captions
        self._captions.add(said)
        parts = (one if first else (), [c for c in one if c not in two], [c for c in two if c not in one])
        for (starts, values), part in zip(self._lists, parts, strict=True):
            values.extend(self._combinations.setdefault(c, len(self._combinations)) for c in part)
            starts.append(len(values))

    def columns(self) -> Columns:
        """All that was noted down, in order of preference."""
        order = np.argsort(_numbers(self._key, np.uint64), kind="stable")
        names = sorted(self._families)
        place = np.array([names.index(name) for name in self._families], np.int64)
        said, gained, lost = (
            Lists(_numbers(starts, np.int64), _numbers(values, np.int64)).take(order) for starts, values in self._lists
        )
        return Columns(
            row=_numbers(self._row, np.int64)[order],
            n_total=self._total,
            families=names,
            family=place[_numbers(self._family, np.int64)][order] if names else np.empty(0, np.int64),
            image=_numbers(self._image, np.uint64)[order],
            forward=_numbers(self._forward, np.int8).astype(bool)[order],
            cells=_numbers(self._cells, np.uint64).reshape(-1, _CELLS)[order],
            texts=list(self._texts),
            text=_numbers(self._text, np.int64)[order],
            lengths=_numbers(self._lengths, np.int64).reshape(-1, 2)[order],
            combinations=list(self._combinations),
            said=said,
            gained=gained,
            lost=lost,
        )


def _numbers(values: Any, kind: Any) -> NDArray[Any]:
    return np.frombuffer(values, kind) if len(values) else np.empty(0, kind)


def _identity(pair: Pair) -> tuple[str, ...]:
    """What tells a pair from others: two pairs that agree in it are interchangeable."""
    edit = (pair.edit.role, pair.edit.before, pair.edit.after) if pair.edit else ()
    boxes = pair.boxes or ""
    return (pair.image, pair.image_id, pair.source, pair.kind, pair.caption, str(pair.negative), boxes, *edit)


def _hash(*words: str) -> int:
    return int.from_bytes(blake2b("\x1e".join(words).encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=1 << 16)
def _combinations(form: str | None) -> tuple[Combination, ...]:
    return tuple(dict.fromkeys(combinations(tree(form))))
