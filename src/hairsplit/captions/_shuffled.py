"""Random order, made as far as it is looked at: most of what could be said of an image is never asked for."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Sequence[T], rng: Random) -> Iterator[T]:
    """Yield the items in random order (Fisher and Yates), each order equally likely but for rounding."""
    rest, random = list(items), rng.random
    for left in range(len(rest), 0, -1):
        n = int(random() * left)
        chosen = rest[n]
        rest[n] = rest[left - 1]
        yield chosen


def drawn(items: Sequence[T], limits: Sequence[float], rng: Random) -> T:
    """One of the items, by their cumulated weights: the one that `rng.choices` draws, in a quarter of its time."""
    return items[bisect(limits, rng.random() * limits[-1], 0, len(items) - 1)]
