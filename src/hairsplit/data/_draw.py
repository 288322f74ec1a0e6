"""Draw some of the pairs of a table, and split it by image; seeded, whatever order or worker they came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number
from hairsplit.data._admit import Block

OUT, TRAIN, VAL = 0, 1, 2
"""What becomes of a pair."""


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Which of the pairs that were admitted are wanted. All steps that are asked for, in this order."""

    seed: int = 0
    images: int | None = None
    """Images, drawn among those with pairs."""
    per_image: int | None = None
    """At most so many pairs of each image."""
    pairs: int | None = None
    """Pairs in all."""
    val_share: float | None = None
    """Share of the images, between 0 and 1, whose pairs go to a table of their own."""

    @property
    def wanted(self) -> bool:
        """Whether anything is drawn at all."""
        return (self.images, self.per_image, self.pairs, self.val_share) != (None, None, None, None)

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            HairsplitError: A number is out of range.
        """
        for name, most in (("images", self.images), ("per_image", self.per_image), ("pairs", self.pairs)):
            if most is not None and most < 1:
                raise HairsplitError(f"{name} is {most}", where="draw", hint="at least 1, or leave it out")
        if self.val_share is not None and not 0 < self.val_share < 1:
            raise HairsplitError(f"val_share is {self.val_share}", where="draw", hint="between 0 and 1, as 0.1")

    def settings(self) -> dict[str, Any]:
        """For the metadata of the tables."""
        return {f"draw_{name}": value for name, value in vars(self).items()} if self.wanted else {}


class Drawing:
    """The images and ranks of all admitted pairs: 12 bytes each."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._images: list[npt.NDArray[np.int32]] = []
        self._ranks: list[npt.NDArray[np.uint64]] = []

    def add(self, block: Block) -> None:
        """Remember the pairs of a block that has ranks."""
        if block.table.num_rows and block.ranks is not None:
            column = block.table["image"].combine_chunks().dictionary_encode()
            codes = [self._codes.setdefault(name, len(self._codes)) for name in column.dictionary.to_pylist()]
            self._images.append(np.array(codes, np.int32)[column.indices.to_numpy()])
            self._ranks.append(block.ranks)

    def fates(self, draw: Draw) -> npt.NDArray[np.int8]:
        """`OUT`, `TRAIN` or `VAL` for each pair, in order.

        Raises:
            HairsplitError: One image only is left to be split.
        """
        images, ranks = np.concatenate(self._images), np.concatenate(self._ranks)
        names = list(self._codes)
        kept = np.full(len(images), True)
        if draw.images is not None:
            kept &= _first(names, np.arange(len(names)), draw.images, draw.seed, "images")[images]
        if draw.per_image is not None:
            kept &= _places_in_image(images, ranks) < draw.per_image
        if draw.pairs is not None and kept.sum() > draw.pairs:
            # ranks of their own: the pairs that the step before left have small ones
            chosen = np.flatnonzero(kept)
            order = np.argsort(_mixed(ranks[chosen]), kind="stable")
            kept[chosen[order[draw.pairs :]]] = False
        fates = np.where(kept, TRAIN, OUT).astype(np.int8)
        if draw.val_share is not None:
            left = np.unique(images[kept])
            if len(left) < 2:
                raise HairsplitError(
                    "one image cannot be split", where="draw", hint="leave out the share for validation"
                )
            most = min(max(round(draw.val_share * len(left)), 1), len(left) - 1)
            fates[kept & _first(names, left, most, draw.seed, "val")[images]] = VAL
        return fates


def _first(
    names: list[str], codes: npt.NDArray[np.integer[Any]], count: int, seed: int, purpose: str
) -> npt.NDArray[np.bool_]:
    """For each name, whether it is among the `count` of `codes` that come first in a seeded order."""
    order = sorted(codes.tolist(), key=lambda code: (number(seed, purpose, names[code]), names[code]))
    chosen = np.zeros(len(names), np.bool_)
    chosen[order[:count]] = True
    return chosen


def _places_in_image(images: npt.NDArray[np.int32], ranks: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """0 for the pair of lowest rank of its image, 1 for the next one, ..."""
    order = np.lexsort((ranks, images))
    ordered = images[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    places = np.empty(len(images), np.int64)
    places[order] = np.arange(len(images)) - np.repeat(starts, np.diff(starts, append=len(images)))
    return places


def _mixed(ranks: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Other 64 bits, uniform and a function of the given ones (splitmix64; Steele et al., OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        mixed = ranks + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def rows_of(table: Path, fates: npt.NDArray[np.int8], fate: int) -> Iterator[pa.Table]:
    """Yield the rows of a table that have this fate, one row group in memory at a time."""
    with pq.ParquetFile(table) as file:
        start = 0
        for number_of_group in range(file.num_row_groups):
            group = file.read_row_group(number_of_group)
            yield group.filter(pa.array(fates[start : start + group.num_rows] == fate))
            start += group.num_rows
