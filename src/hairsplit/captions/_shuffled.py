"""Random order, made as far as it is looked at: most of what could be said of an image is never asked for."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def shuffled(items: Sequence[T], rng: Random) -> Iterator[T]:
    """Yield the items in random order (Fisher and Yates), each order equally likely but for rounding."""
    rest = list(items)
    while rest:
        n = int(rng.random() * len(rest))
        rest[n], rest[-1] = rest[-1], rest[n]
        yield rest.pop()
