"""The second pass over finished pairs: leave out what lets a reader blind to the image tell caption from negative.

Pairs are only left out, never changed, so that true stays true and false false (CAPTIONS 7.6):

1. context: where enough pairs make the same edit among the same nouns, predicates and attributes, as many make it one
   way as the other;
2. edits: so in every template, for each edit and its reverse, however few they are;
3. rounds: readers of words, characters, plausibility and length are fitted on half of the images and read the other
   half. Where one is above chance, pairs that read too well are left out until as many read as much too badly; then
   edits are evened again.

The result depends on the seed and on which pairs there are, not on their order or on how they were sharded.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit.captions._balance_columns import CONTEXT, EDIT, Columns, columns_of
from hairsplit.captions._balance_readers import LEARNED, Features, Gaps, accuracy, pmi_of_halves
from hairsplit.captions._balance_thin import Mask, by_cells, by_gaps
from hairsplit.core.types import Estimate, Pair
from hairsplit.core.wording import counted, percent

ROUNDS = 3
"""Rounds of fitting and leaving out, at most."""


@dataclass(frozen=True)
class Step:
    """What one step did to one family."""

    name: str
    """context | edits | round 1 | round 2 | round 3 | result: a last look with new readers that leaves nothing out"""
    family: str
    before: int
    """Pairs."""
    after: int
    reader: str
    """The reader that told most of the pairs that the step was given."""
    accuracy_before: Estimate
    accuracy_after: Estimate
    """Of the same reader, as fitted before the step, on what the step left."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Which of n pairs to keep."""

    keep: Mask
    """[n] in the order given; pairs without a negative are kept."""
    text_gap: NDArray[np.float64]
    """[n] mean log-odds, nats, at which the readers of words and of characters take the true caption; NaN where the
    pair is not kept or has no negative."""
    steps: list[Step]

    @property
    def warnings(self) -> list[str]:
        """Families of which nothing, or very little, is left."""
        return [*_warnings(self.steps)]


@dataclass(frozen=True, eq=False)
class Balanced:
    """The pairs that were kept, in the order given, and what it took."""

    pairs: list[Pair]
    """With `text_gap`."""
    steps: list[Step]
    warnings: list[str]


def balance(pairs: Sequence[Pair], *, seed: int) -> Balanced:
    """Leave out pairs until no family gives its answers away, as far as the readers here can see.

    Args:
        pairs: Finished pairs of any families; those without a negative are kept as they are.
        seed: Of the order in which pairs of one cell are preferred, and of the halves.
    """
    choice = choose(pairs, seed=seed)
    kept = [
        replace(pair, text_gap=None if math.isnan(gap) else gap)
        for pair, keep, gap in zip(pairs, choice.keep.tolist(), choice.text_gap.tolist(), strict=True)
        if keep
    ]
    return Balanced(kept, choice.steps, choice.warnings)


def choose(pairs: Iterable[Pair], *, seed: int) -> Choice:
    """The same for pairs that need not be in memory at once: they are read once, and numbers are kept of them."""
    columns = columns_of(pairs, seed)
    keep, gap = np.ones(columns.n_total, bool), np.full(columns.n_total, math.nan)
    keep[columns.row] = False
    steps: list[Step] = []
    weights = pmi_of_halves(columns)
    for number, name in enumerate(columns.families):
        rows = np.flatnonzero(columns.family == number)
        kept, gaps = _thinned(_Thinning(columns, Features(columns, rows, weights), name, steps))
        keep[columns.row[rows[kept]]] = True
        gap[columns.row[rows[kept]]] = gaps[kept]
    return Choice(keep, gap, steps)


@dataclass(frozen=True, eq=False)
class _Thinning:
    """One family at work."""

    columns: Columns
    features: Features
    family: str
    steps: list[Step]

    def note(self, name: str, gaps: Mapping[str, Gaps], before: Mask, after: Mask) -> None:
        """Add a step to the report."""
        images = self.columns.image[self.features.rows]
        found = {reader: accuracy(gap[before], images[before]) for reader, gap in gaps.items()}
        reader = max(found, key=lambda reader: _told(reader, found[reader]))
        left = accuracy(gaps[reader][after], images[after])
        self.steps.append(Step(name, self.family, int(before.sum()), int(after.sum()), reader, found[reader], left))

    def tell(self, gaps: Mapping[str, Gaps], kept: Mask) -> list[str]:
        """Readers that are surely above chance.

        Length was taught no side and may as well be surely below it. So may plausibility, but what looks like that
        comes of the generator, which keeps swaps even over all images: a combination that one half has more of than
        its share, the other half has less of. Were negatives truly more plausible, the learned readers would see it.
        """
        images = self.columns.image[self.features.rows[kept]]
        found = {reader: accuracy(gap[kept], images) for reader, gap in gaps.items()}
        return [
            reader
            for reader, estimate in found.items()
            if estimate.low > 0.5 or (reader == "length" and estimate.high < 0.5)
        ]

    def evened(self, kept: Mask, cells: slice, *, strict: bool) -> Mask:
        """The same less what makes edits uneven in some columns of the cells."""
        rows = np.flatnonzero(kept)
        places = self.features.rows[rows]
        left = np.zeros_like(kept)
        left[rows] = by_cells(self.columns.cells[places, cells], self.columns.forward[places], strict=strict)
        return left


def _told(reader: str, estimate: Estimate) -> float:
    if math.isnan(estimate.value):
        return 0.0
    return max(estimate.value, 1 - estimate.value) if reader == "length" else estimate.value


def _thinned(work: _Thinning) -> tuple[Mask, Gaps]:
    """Which pairs of the family to keep, and the text gap of each."""
    everything = np.ones(len(work.features.rows), bool)
    gaps = work.features.gaps(everything)
    in_context = work.evened(everything, CONTEXT, strict=False)
    work.note("context", gaps, everything, in_context)
    kept = work.evened(in_context, EDIT, strict=True)
    work.note("edits", gaps, in_context, kept)
    gaps = work.features.gaps(kept)
    for number in range(1, ROUNDS + 1):
        telling = work.tell(gaps, kept)
        if not telling:
            break
        left = kept.copy()
        for reader in telling:
            rows = np.flatnonzero(left)
            left[rows] = by_gaps(gaps[reader][rows], work.features.half[rows])
        left = work.evened(left, EDIT, strict=True)
        work.note(f"round {number}", gaps, kept, left)
        kept = left
        gaps = work.features.gaps(kept)
    work.note("result", gaps, kept, kept)
    return kept, np.mean([gaps[reader] for reader in sorted(LEARNED)], axis=0)


def _warnings(steps: Iterable[Step]) -> Iterator[str]:
    """A sentence for each family that lost more than half of its pairs."""
    of_family: dict[str, list[Step]] = {}
    for step in steps:
        of_family.setdefault(step.family, []).append(step)
    for family, own in of_family.items():
        given, left = own[0].before, own[-1].after
        if left < given / 2:
            uneven = given - next(step.after for step in own if step.name == "edits")
            yield (
                f"{family}: {f'only {left:,}' if left else 'none'} of {counted(given, 'pair')} could be kept; "
                f"{uneven:,} went since no pair makes the same edit the other way round, {given - left - uneven:,} "
                "since their texts give them away; more images leave more"
            )


def balance_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The report for a table's metadata; unknown bounds are null."""
    return [
        {
            "step": step.name,
            "family": step.family,
            "before": step.before,
            "after": step.after,
            "reader": step.reader,
            "accuracy_before": _estimate_json(step.accuracy_before),
            "accuracy_after": _estimate_json(step.accuracy_after),
        }
        for step in steps
    ]


def _estimate_json(estimate: Estimate) -> dict[str, float | int | None]:
    value, low, high = (None if math.isnan(x) else x for x in (estimate.value, estimate.low, estimate.high))
    return {"value": value, "low": low, "high": high, "n": estimate.n, "chance": estimate.chance}


def balance_lines(record: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The report of `balance_json` as a table for the terminal."""
    width = max([6, *(len(part["family"]) for part in record)])
    yield f"{'family':<{width}}  {'step':<8}{'pairs':>9}{'left':>9}  {'best reader':<13}{'text-only before':<24}after"
    for part in record:
        before, after = (_shown(part[f"accuracy_{when}"]) for when in ("before", "after"))
        yield (
            f"{part['family']:<{width}}  {part['step']:<8}{part['before']:>9,}{part['after']:>9,}  "
            f"{part['reader']:<13}{before:<24}{after if part['step'] != 'result' else ''}".rstrip()
        )


def _shown(estimate: Mapping[str, Any]) -> str:
    return "unknown" if estimate["value"] is None else percent(estimate)
