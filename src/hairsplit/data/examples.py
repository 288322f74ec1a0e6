"""Rows of a pairs table joined into training examples, kept as numbers: millions of them take little memory."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.run import number
from hairsplit.core.types import Pair

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Example:
    """One image, one true caption, and up to K hard negatives of it."""

    image: str
    caption: str
    negatives: tuple[str, ...]
    kinds: tuple[str, ...]
    """Kind of each pair that it was made of."""

    @property
    def kind(self) -> str:
        """Kind of its first pair."""
        return self.kinds[0]


class _OfRows(Sequence[Example], ABC):
    """Examples made of rows of `pairs`; texts are looked up when asked for."""

    pairs: Sequence[Pair]

    @abstractmethod
    def of(self, index: int) -> list[int]:
        """Row numbers of an example."""

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> "list[Example]": ...
    def __getitem__(self, index: int | slice) -> "Example | list[Example]":
        """The example, as texts."""
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return as_example([self.pairs[row] for row in self.of(index % len(self))])


class Examples(_OfRows):
    """Example n is made of the rows `rows[starts[n]:starts[n + 1]]` of `pairs`; texts are looked up when asked for."""

    def __init__(self, pairs: Sequence[Pair], rows: Integers, starts: Integers) -> None:
        self.pairs, self.rows, self.starts = pairs, rows, starts

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, index: int) -> list[int]:
        """Row numbers of an example."""
        found: list[int] = self.rows[self.starts[index] : self.starts[index + 1]].tolist()
        return found


def as_example(rows: Sequence[Pair]) -> Example:
    """The rows as one example: image and caption are those of the first, a negative that comes twice counts once."""
    negatives = dict.fromkeys(row.negative for row in rows if row.negative is not None)
    return Example(rows[0].image, rows[0].caption, tuple(negatives), tuple(row.kind for row in rows))


def examples(
    pairs: Sequence[Pair], negatives_per_image: int, images: NDArray[np.int32], captions: NDArray[np.int32]
) -> Examples:
    """Join rows of one image and positive caption into examples of up to K negatives, in the table's order.

    Args:
        pairs: The rows.
        negatives_per_image: K.
        images: A number of each row's image.
        captions: A number of each row's caption.
    """
    count = len(images)
    if negatives_per_image == 1:
        return Examples(pairs, np.arange(count), np.arange(count + 1))
    both = images.astype(np.int64) << 32 | captions
    _, first, inverse = np.unique(both, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    group = rank[inverse]  # numbered by the first row
    rows = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=len(first))
    place = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # of a row in its group
    starts = np.flatnonzero(place % negatives_per_image == 0)
    return Examples(pairs, rows, np.append(starts, count))


class Drawn(_OfRows):
    """Every image once an epoch, with up to K of its pairs, drawn anew each time.

    The first pair drawn gives the caption; the negatives are those of all pairs drawn, each false of the image. Pairs
    are drawn without replacement, a pair of weight w before one of weight 1 with odds of w to 1 (Efraimidis and
    Spirakis, Information Processing Letters 97, 2006). Numbers run on from epoch to epoch: `number // images` is the
    epoch, so that a number alone says which pairs are meant. As a sequence it is the first epoch, as texts.

    Args:
        pairs: The rows.
        image_keys: Content key of each row's image; copies of a picture are one image.
        weights: Of each row, positive.
        most: K.
        seed: Of the draw.
    """

    def __init__(
        self, pairs: Sequence[Pair], image_keys: Integers, weights: NDArray[np.float64], *, most: int, seed: int
    ) -> None:
        self.pairs = pairs
        self.keys, self._image = np.unique(image_keys, return_inverse=True)
        self._sizes = np.bincount(self._image, minlength=len(self.keys))
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._weights, self._most, self._seed = weights, most, seed
        self._epochs: dict[int, Integers] = {}

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, index: int) -> list[int]:
        """Row numbers of image `index % images` in epoch `index // images`, the one that gives the caption first."""
        epoch, image = divmod(index, len(self))
        start = self._starts[image]
        found: list[int] = self._order(epoch)[start : start + min(self._most, self._sizes[image])].tolist()
        return found

    def _order(self, epoch: int) -> Integers:
        """All rows, by image and then as drawn."""
        order = self._epochs.get(epoch)
        if order is None:
            rng = np.random.default_rng(number(self._seed, "draw", epoch))
            arrival = rng.standard_exponential(len(self._image)) / self._weights
            order = np.lexsort((arrival, self._image))
            # a batch is made ahead of the step that uses it: two epochs may be asked for in turn
            self._epochs = {known: value for known, value in self._epochs.items() if known == epoch - 1} | {
                epoch: order
            }
        return order


def balanced(counts: Mapping[str, int]) -> Mapping[str, float]:
    """Weights that give every kind, of which there are so many pairs, the same share of an epoch as long as before."""
    return {kind: sum(counts.values()) / len(counts) / count for kind, count in counts.items()}
