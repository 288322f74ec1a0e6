"""The order of an epoch: every example once, no image twice in a batch, the same for any number of ranks."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Epoch:
    """Batches of example numbers [steps, batch], and how many examples found no place in a full batch."""

    batches: Integers
    left_over: int


def arrange(
    image_keys: Sequence[int] | Integers,
    *,
    batch: int,
    seed: int,
    epoch: int,
    weights: Sequence[float] | NDArray[np.float64] | None = None,
) -> Epoch:
    """Cut a seeded order of all examples into full batches in which no image key occurs twice.

    The examples of an image are spread evenly over the epoch; one that meets its own image waits for the next batch.
    What is left at the end (fewer than a batch, or examples of too few images) is left out of this epoch and counted;
    it is others in the next. An example of weight w occurs w times an epoch (0.5: in every second one, drawn anew).

    Raises:
        HairsplitError: There are fewer different images than a batch holds.
    """
    rng = np.random.default_rng(number(seed, "order", epoch))
    chosen = _repeated(np.ones(len(image_keys)) if weights is None else np.asarray(weights, np.float64), rng)
    # small numbers in place of the keys, in the same order
    names, keys = np.unique(np.asarray(image_keys, np.int64)[chosen], return_inverse=True)
    if len(names) < batch:
        raise HairsplitError(
            f"a batch of {batch} needs as many different images, and there are {len(names)}",
            where="batch_size",
            hint=f"set batch_size={max(2, len(names))} or lower, or add data",
        )
    order = _spread(keys, rng)
    return _cut(chosen[order], keys[order], batch)


def share(row: Integers, *, part: int, parts: int, rank: int, ranks: int) -> list[int]:
    """What one rank sees of micro-batch `part` of a batch: the ranks together see the same for any number of them."""
    size = len(row) // (parts * ranks)
    start = (part * ranks + rank) * size
    found: list[int] = row[start : start + size].tolist()
    return found


def _repeated(weights: NDArray[np.float64], rng: np.random.Generator) -> Integers:
    """Example numbers, each as often as its weight says; the fraction is drawn."""
    times = np.floor(weights).astype(np.int64)
    times += rng.random(len(weights)) < weights - times
    return np.repeat(np.arange(len(weights), dtype=np.int64), times)


def _spread(keys: Integers, rng: np.random.Generator) -> Integers:
    """Positions sorted so that the n examples of an image stand about 1/n of the epoch apart."""
    shuffled = rng.permutation(len(keys))
    by_image = shuffled[np.argsort(keys[shuffled], kind="stable")]
    grouped = keys[by_image]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]])
    counts = np.diff(np.r_[starts, len(keys)])
    rank = np.arange(len(keys)) - np.repeat(starts, counts)
    offset = np.repeat(rng.random(len(starts)), counts)
    place = (rank + offset) / np.repeat(counts, counts)
    order: Integers = by_image[np.argsort(place, kind="stable")]
    return order


def _cut(examples: Integers, keys: Integers, batch: int) -> Epoch:
    """Fill batches one after the other; what had to wait goes first into the next, the oldest first.

    Every image that waits is in the current batch, so what is left at the end cannot make another full batch. Each
    example is looked at twice at most, however many of them are of one image.
    """
    rows = np.empty((len(examples) // batch, batch), np.int64)
    done = 0
    current: list[int] = []
    taken: set[int] = set()
    waiting: dict[int, deque[tuple[int, int]]] = {}  # image -> (arrival, example), oldest first

    for arrival, (example, key) in enumerate(_together(examples, keys)):
        if key in taken:
            waiting.setdefault(key, deque()).append((arrival, example))
        else:
            current.append(example)
            taken.add(key)
        while len(current) == batch:
            rows[done] = current
            done += 1
            current, taken = _oldest(waiting)
    return Epoch(rows[:done], len(examples) - batch * done)


def _together(examples: Integers, keys: Integers, block: int = 1 << 16) -> Iterator[tuple[int, int]]:
    """As `zip`, of Python's numbers, of which a block only is in memory: 32 bytes each add up."""
    for start in range(0, len(examples), block):
        yield from zip(examples[start : start + block].tolist(), keys[start : start + block].tolist(), strict=True)


def _oldest(waiting: dict[int, deque[tuple[int, int]]]) -> tuple[list[int], set[int]]:
    """Take the oldest example of every image that waits: never more images than a batch has."""
    first = sorted((line.popleft(), key) for key, line in waiting.items())
    for _, key in first:
        if not waiting[key]:
            del waiting[key]
    return [example for (_, example), _ in first], {key for _, key in first}
