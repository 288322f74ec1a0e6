"""Two evaluations of the same pairs, joined item by item: paired differences, and which items moved most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.types import Estimate
from hairsplit.evaluate.statistics import McNemar, mcnemar, paired_difference, paired_macro_difference
from hairsplit.report.evaluation_folder import Evaluation

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Difference:
    """Change of pair accuracy on the same items."""

    change: Estimate
    """Second minus first, as a share; the interval is clustered by image."""
    turned: McNemar
    """`second_only` items became right, `first_only` became wrong."""


@dataclass(frozen=True)
class Comparison:
    """What changed from `before` to `after`; None and empty where they share no item."""

    before: Evaluation
    after: Evaluation
    before_rows: IntArray
    """[m] rows of `before.items` of the shared items, in its order."""
    after_rows: IntArray
    """[m] rows of `after.items` of the same items."""
    macro: Estimate | None
    """Mean over kinds."""
    overall: Difference | None
    kinds: Mapping[str, Difference]
    sources: Mapping[str, Difference]
    source_macros: Mapping[str, Difference]
    """Of each source, the mean over its kinds."""

    @property
    def unpaired(self) -> int:
        """Items of either evaluation that the other lacks."""
        return len(self.before.items) + len(self.after.items) - 2 * len(self.before_rows)


@dataclass(frozen=True)
class Group:
    """Evaluations of equal data: the first is the one the others are compared with."""

    evaluations: tuple[Evaluation, ...]
    comparisons: tuple[Comparison, ...]
    """One per evaluation but the first."""

    @property
    def before(self) -> Evaluation:
        """The baseline."""
        return self.evaluations[0]

    @property
    def after(self) -> Evaluation:
        """The last evaluation, which headline and examples speak of."""
        return self.evaluations[-1]


def group_by_data(evaluations: Sequence[Evaluation]) -> tuple[Group, ...]:
    """Put evaluations of equal data hash together, in order of first occurrence: numbers compare only within one."""
    groups: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        groups.setdefault(evaluation.data_hash, []).append(evaluation)
    return tuple(
        Group(tuple(members), tuple(compare(members[0], other) for other in members[1:])) for members in groups.values()
    )


def compare(before: Evaluation, after: Evaluation) -> Comparison:
    """Join the items of both by id and take paired differences of their hits."""
    row_after = {name: row for row, name in enumerate(after.items.id)}
    shared = [(row, row_after[name]) for row, name in enumerate(before.items.id) if name in row_after]
    rows = np.asarray(shared, np.int64).reshape(-1, 2)
    if not shared:
        return Comparison(before, after, rows[:, 0], rows[:, 1], None, None, {}, {}, {})
    first, second = before.items.margin[rows[:, 0]] > 0, after.items.margin[rows[:, 1]] > 0
    kinds, sources, clusters = (
        np.asarray(column)[rows[:, 0]] for column in (before.items.kind, before.items.source, before.items.cluster)
    )

    def difference(members: NDArray[np.bool_] | slice) -> Difference:
        one, two, images = first[members], second[members], clusters[members]
        return Difference(paired_difference(one, two, images), mcnemar(one, two))

    def macro_difference(members: NDArray[np.bool_]) -> Difference:
        one, two = first[members], second[members]
        change = paired_macro_difference(one, two, kinds[members], clusters[members])
        return Difference(change, mcnemar(one, two))

    return Comparison(
        before=before,
        after=after,
        before_rows=rows[:, 0],
        after_rows=rows[:, 1],
        macro=paired_macro_difference(first, second, kinds, clusters),
        overall=difference(slice(None)),
        kinds={str(name): difference(kinds == name) for name in np.unique(kinds)},
        sources={str(name): difference(sources == name) for name in np.unique(sources)},
        source_macros={str(name): macro_difference(sources == name) for name in np.unique(sources)},
    )


@dataclass(frozen=True)
class Example:
    """One item to look at: its row after and, where there is a comparison, before."""

    after_row: int
    before_row: int | None


def lowest(values: NDArray[np.float64], images: Sequence[str], ids: Sequence[str], count: int) -> list[int]:
    """Positions of the lowest `values`, at most one per image so that one picture does not fill the list.

    Equal values are ordered by id: the same inputs give the same list.
    """
    order = sorted(range(len(values)), key=lambda row: (values[row], ids[row]))
    seen: set[str] = set()
    picked: list[int] = []
    for row in order:
        if len(picked) == count:
            break
        if images[row] not in seen:
            seen.add(images[row])
            picked.append(row)
    return picked


def extremes(after: Evaluation, comparison: Comparison | None, count: int) -> dict[str, list[Example]]:
    """The `count` items each of "worst" and "best" margin, and those most "improved" and "worsened", where known."""
    items = after.items
    before_row: dict[int, int] = {}
    if comparison is not None:
        pairs = zip(comparison.after_rows.tolist(), comparison.before_rows.tolist(), strict=True)
        before_row = dict(pairs)

    def examples(rows: Sequence[int]) -> list[Example]:
        return [Example(row, before_row.get(row)) for row in rows]

    found = {
        "worst": examples(lowest(items.margin, items.image, items.id, count)),
        "best": examples(lowest(-items.margin, items.image, items.id, count)),
    }
    if comparison is not None and len(comparison.after_rows):
        rows = comparison.after_rows
        gain = items.margin[rows] - comparison.before.items.margin[comparison.before_rows]
        images, ids = [items.image[row] for row in rows], [items.id[row] for row in rows]
        for name, sign in (("improved", -1.0), ("worsened", 1.0)):
            picked = [row for row in lowest(sign * gain, images, ids, count) if sign * gain[row] < 0]
            found[name] = examples([int(rows[row]) for row in picked])
    return found
