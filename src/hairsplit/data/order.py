"""The order of an epoch: every example once, no image twice in a batch, the same for any number of ranks."""

import heapq
from collections import Counter, deque
from collections.abc import Mapping, Sequence
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
    image_keys: Sequence[int],
    kinds: Sequence[str],
    *,
    batch: int,
    seed: int,
    epoch: int,
    kind_weights: Mapping[str, float],
) -> Epoch:
    """Cut a seeded order of all examples into full batches in which no image key occurs twice.

    The examples of an image are spread evenly over the epoch; one that meets its own image waits for the next batch.
    What is left at the end (fewer than a batch, or examples of too few images) is left out of this epoch and counted;
    it is others in the next. A kind of weight w occurs w times an epoch (0.5: every second example, drawn anew).

    Raises:
        HairsplitError: There are fewer different images than a batch holds, or a weighted kind does not occur.
    """
    rng = np.random.default_rng(number(seed, "order", epoch))
    chosen = _weighted(kinds, kind_weights, rng)
    keys = np.asarray(image_keys, np.int64)[chosen]
    different = len(np.unique(keys))
    if different < batch:
        raise HairsplitError(
            f"a batch of {batch} needs as many different images, and there are {different}",
            where="batch_size",
            hint=f"set batch_size={max(2, different)} or lower, or add data",
        )
    order = _spread(keys, rng)
    return _cut(chosen[order].tolist(), keys[order].tolist(), batch)


def _weighted(kinds: Sequence[str], weights: Mapping[str, float], rng: np.random.Generator) -> Integers:
    unknown = sorted(set(weights) - set(kinds))
    if unknown:
        raise HairsplitError(
            f"no pair is of the kind {unknown[0]!r}",
            where="kind_weights",
            hint=f"kinds in the table: {', '.join(sorted(set(kinds)))}",
        )
    weight = np.array([weights.get(kind, 1.0) for kind in kinds])
    times = np.floor(weight).astype(np.int64)
    times += rng.random(len(kinds)) < weight - times
    return np.repeat(np.arange(len(kinds), dtype=np.int64), times)


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


def _cut(examples: list[int], keys: list[int], batch: int) -> Epoch:
    """Fill batches one after the other; what had to wait goes first into the next."""
    rows: list[list[int]] = []
    waiting: deque[tuple[int, int]] = deque()
    current: list[int] = []
    taken: set[int] = set()

    def offer(example: int, key: int, later: deque[tuple[int, int]]) -> None:
        if key in taken or len(current) == batch:
            later.append((example, key))
        else:
            current.append(example)
            taken.add(key)

    for example, key in zip(examples, keys, strict=True):
        offer(example, key, waiting)
        if len(current) == batch:
            rows.append(current[:])
            current.clear()
            taken.clear()
            again: deque[tuple[int, int]] = deque()
            for old in waiting:
                offer(*old, again)
            waiting = again
    key_of = dict(zip(examples, keys, strict=True))
    rest = [*current, *(example for example, _ in waiting)]
    rows += _fill(rest, key_of, batch)
    return Epoch(np.array(rows, np.int64).reshape(-1, batch), len(examples) - batch * len(rows))


def _fill(rest: list[int], key_of: Mapping[int, int], batch: int) -> list[list[int]]:
    """As many full batches as can be made of the tail, always from the images with most examples left."""
    by_image: dict[int, list[int]] = {}
    for example in rest:
        by_image.setdefault(key_of[example], []).append(example)
    left = Counter({key: len(found) for key, found in by_image.items()})
    rows = []
    while len(left) >= batch:
        keys = heapq.nlargest(batch, left, key=lambda key: (left[key], key))
        rows.append([by_image[key].pop() for key in keys])
        for key in keys:
            left[key] -= 1
            if not left[key]:
                del left[key]
    return rows
