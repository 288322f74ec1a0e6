"""A number of a suite together with what it is made of, item by item, so that two models' numbers can be paired."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Estimate
from hairsplit.evaluate.ranking import clustered
from hairsplit.evaluate.statistics import (
    McNemar,
    clustered_macro_mean,
    clustered_mean,
    mcnemar,
    paired_difference,
    paired_macro_difference,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ALL, MACRO = "pair accuracy", "mean over kinds"
"""Names of the overall measures of a table of pairs."""
Part = Literal["overall", "aggregate", "kind", "edit role", "kind and edit role", "source"]


@dataclass(frozen=True)
class Measure:
    """A mean of hits over items, or over groups of items."""

    name: str
    part: Part
    hits: FloatArray = field(repr=False)
    """[n] 1 or 0, a tie being a miss."""
    clusters: tuple[str, ...] = field(repr=False)
    """[n] what is resampled as a whole: the image."""
    hits_if_ties_hit: FloatArray | None = field(default=None, repr=False)
    """[n] the same with a tie being a hit; None where it is not known."""
    groups: tuple[str, ...] | None = field(default=None, repr=False)
    """[n] what the mean is first taken over; None: over all items alike."""
    weights: Mapping[str, float] | None = field(default=None, repr=False)
    """Of the groups; None: alike."""
    chance: float | None = None
    published: str = ""
    """Who reports it."""

    @property
    def n(self) -> int:
        """Items."""
        return len(self.hits)

    @property
    def ties(self) -> int | None:
        """Items that are right only if a tie is."""
        return None if self.hits_if_ties_hit is None else int((self.hits_if_ties_hit - self.hits).sum())

    def estimate(self, seed: int) -> Estimate:
        """The number, with its interval clustered by image."""
        if self.groups is None:
            return clustered_mean(self.hits, self.clusters, chance=self.chance, seed=seed)
        return clustered_macro_mean(
            self.hits, self.groups, self.clusters, weights=self.weights, chance=self.chance, seed=seed
        )

    def difference(self, base: "Measure", seed: int) -> Estimate:
        """This number less that of `base`, of the same items and in the same resamples.

        Raises:
            HairsplitError: The items are not the same.
        """
        self._check(base)
        if self.groups is None:
            return paired_difference(base.hits, self.hits, self.clusters, seed=seed)
        return paired_macro_difference(
            base.hits, self.hits, self.groups, self.clusters, weights=self.weights, seed=seed
        )

    def mcnemar(self, base: "Measure") -> McNemar:
        """Exact test on the items that one of the two gets right and the other wrong, whatever the groups."""
        self._check(base)
        return mcnemar(base.hits, self.hits)

    def _check(self, base: "Measure") -> None:
        if (self.clusters, self.groups) != (base.clusters, base.groups):
            raise not_the_same(self.name)


@dataclass(frozen=True)
class Statistic:
    """A number that is no mean of hits, as a function of how often each item is drawn."""

    name: str
    part: Part
    of: Callable[[IntArray], FloatArray] = field(repr=False)
    """Weights of the items [b, items] -> [b]; NaN where it is not defined."""
    clusters: tuple[str, ...] = field(repr=False)
    """[items]"""
    n: int
    chance: float | None = None
    published: str = ""
    ties: int | None = None

    def estimate(self, seed: int) -> Estimate:
        """The number, with its interval clustered by image."""
        return self._resampled(self.of, seed, self.chance)

    def difference(self, base: "Statistic", seed: int) -> Estimate:
        """This number less that of `base`, of the same items and in the same resamples.

        Raises:
            HairsplitError: The items are not the same.
        """
        if self.clusters != base.clusters:
            raise not_the_same(self.name)
        return self._resampled(lambda weights: self.of(weights) - base.of(weights), seed, None)

    def mcnemar(self, base: "Statistic") -> None:
        """None: there are no hits."""

    def _resampled(self, of: Callable[[IntArray], FloatArray], seed: int, chance: float | None) -> Estimate:
        numbers = np.unique(self.clusters, return_inverse=True)[1]
        (found,) = clustered(lambda weights: of(weights)[None], numbers, chance=[math.nan], n=[self.n], seed=seed)
        return replace(found, chance=chance) if found else Estimate(math.nan, math.nan, math.nan, self.n, chance)


AnyMeasure = Measure | Statistic


def not_the_same(what: str) -> HairsplitError:
    """Two models were asked different items."""
    return HairsplitError(
        f"{what}: the models were not judged on the same items",
        where="compare",
        hint="a picture could be read for one of them only: mend it, or take it out of the suite",
    )


def mean_by(
    part: Part, names: tuple[str, ...], hits: FloatArray, clusters: tuple[str, ...], ties_hit: FloatArray | None
) -> list[Measure]:
    """A measure for each of `names` [n], sorted; those of no name are in none."""
    of_item, images, found = np.array(names), np.array(clusters), []
    for name in sorted(set(names) - {""}):
        mine = of_item == name
        ties = None if ties_hit is None else ties_hit[mine]
        found.append(Measure(name, part, hits[mine], tuple(images[mine].tolist()), ties, chance=0.5))
    return found
