"""From per-item outcomes to the numbers that papers report, each with its interval and chance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hairsplit.core.types import Estimate
from hairsplit.evaluate.benchmarks._benchmark import Aggregate, Unit
from hairsplit.evaluate.measure import AnyMeasure, Measure

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """What became of each item, [n]."""

    kinds: tuple[str, ...]
    clusters: tuple[str, ...]
    units: tuple[Mapping[str, Unit], ...]
    ours: Mapping[str, FloatArray]
    """Outcome -> 1 or 0 per item, a tie being a miss."""
    theirs: Mapping[str, FloatArray]
    """The same with a tie being a hit."""
    chance: Mapping[str, FloatArray]


@dataclass(frozen=True)
class Number:
    """An aggregate, computed."""

    name: str
    outcome: str
    over: str
    published: str
    estimate: Estimate | None
    """None where no item is left for it."""
    ties_hit: float | None
    """The same number with a tie counted as a hit."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Group -> items (or units) it is made of, where it is a mean over groups."""
    groups: int | None = None
    """How many groups the published number is a mean over; `parts` may be fewer where files are missing."""
    incomplete: int = 0
    """Units left out because an item of theirs is missing."""


@dataclass(frozen=True)
class Judged:
    """What a model did on retrieval or recognition."""

    numbers: tuple[Number, ...]
    measures: tuple[AnyMeasure, ...]
    """What the numbers, and those of the kinds, are made of."""
    table: pa.Table
    """A row per query."""
    kinds: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)
    """Kind -> outcome -> estimate."""


@dataclass(frozen=True)
class _Rows:
    kinds: list[str]
    groups: list[str]
    clusters: list[str]
    ours: FloatArray
    theirs: FloatArray
    chance: FloatArray
    incomplete: int = 0


def aggregate(rule: Aggregate, outcomes: Outcomes, *, seed: int = 0) -> Number:
    """Apply one rule to the outcomes of all items."""
    rows = _rows(rule, outcomes)
    head = (rule.name, rule.outcome, rule.over, rule.published)
    measured = _measure(rule, rows)
    if measured is None:
        return Number(*head, None, None, groups=rule.groups, incomplete=rows.incomplete)
    estimate = measured.estimate(seed)
    parts = dict(sorted(Counter(rows.groups).items())) if rule.over != "items" else {}
    return Number(*head, estimate, _mean(rule, rows, rows.theirs), parts, rule.groups, rows.incomplete)


def measure(rule: Aggregate, outcomes: Outcomes) -> Measure | None:
    """What a rule's number is made of; None where no item is left for it."""
    return _measure(rule, _rows(rule, outcomes))


def weights_of(kinds: Sequence[str], group_of: Sequence[str]) -> dict[str, float]:
    """Weight of each kind in the mean over groups of the mean over their kinds; they add up to 1."""
    members: dict[str, set[str]] = {}
    for kind, group in zip(kinds, group_of, strict=True):
        members.setdefault(group, set()).add(kind)
    return {kind: 1 / (len(members) * len(own)) for own in members.values() for kind in own}


def _mean(rule: Aggregate, rows: _Rows, values: FloatArray) -> float:
    if rule.over == "items":
        return float(values.mean())
    groups, kinds = np.array(rows.groups), np.array(rows.kinds)
    means = []
    for group in np.unique(groups):
        mine = groups == group
        parts = (
            [mine & (kinds == kind) for kind in np.unique(kinds[mine])] if rule.over == "kinds of groups" else [mine]
        )
        means.append(np.mean([values[part].mean() for part in parts]))
    return float(np.mean(means))


def _measure(rule: Aggregate, rows: _Rows) -> Measure | None:
    if not rows.kinds:
        return None
    over = {"items": None, "groups": tuple(rows.groups), "kinds of groups": tuple(rows.kinds)}
    return Measure(
        name=rule.name,
        part="aggregate",
        hits=rows.ours,
        clusters=tuple(rows.clusters),
        hits_if_ties_hit=rows.theirs,
        groups=over[rule.over],
        weights=weights_of(rows.kinds, rows.groups) if rule.over == "kinds of groups" else None,
        chance=_mean(rule, rows, rows.chance),
        published=rule.published,
    )


def _rows(rule: Aggregate, outcomes: Outcomes) -> _Rows:
    ours, theirs = outcomes.ours[rule.outcome], outcomes.theirs[rule.outcome]
    chance = outcomes.chance[rule.outcome]
    counts = Counter(outcomes.kinds)
    of = {kind: rule.group(kind) if counts[kind] >= rule.at_least else None for kind in counts}
    # an outcome that is not asked of an item (a text score of a single picture) is NaN there
    mine = [n for n, kind in enumerate(outcomes.kinds) if of[kind] is not None and not np.isnan(ours[n])]
    if rule.unit is not None:
        return _units(rule, outcomes, mine, of)
    kinds = [outcomes.kinds[n] for n in mine]
    return _Rows(
        kinds,
        [of[kind] or "" for kind in kinds],
        [outcomes.clusters[n] for n in mine],
        ours[mine],
        theirs[mine],
        chance[mine],
    )


def _units(rule: Aggregate, outcomes: Outcomes, mine: Sequence[int], of: Mapping[str, str | None]) -> _Rows:
    members: dict[Unit, list[int]] = {}
    for n in mine:
        if (unit := outcomes.units[n].get(rule.unit or "")) is not None:
            members.setdefault(unit, []).append(n)
    units = [unit for unit, own in members.items() if len(own) == unit.size]
    whole = [members[unit] for unit in units]
    first = [own[0] for own in whole]
    kinds = [outcomes.kinds[n] for n in first]

    def all_of(values: FloatArray) -> FloatArray:
        return np.array([values[own].prod() for own in whole])

    return _Rows(
        kinds,
        [of[kind] or "" for kind in kinds],
        [outcomes.clusters[n] for n in first],
        all_of(outcomes.ours[rule.outcome]),
        all_of(outcomes.theirs[rule.outcome]),
        np.array(
            [
                float(product) if unit.chance is None else unit.chance
                for unit, product in zip(units, all_of(outcomes.chance[rule.outcome]), strict=True)
            ]
        ),
        len(members) - len(whole),
    )


def kind_measures(outcomes: Outcomes) -> dict[tuple[str, str], Measure]:
    """(kind, outcome) -> what its share is made of; a kind's name says which outcome, if there are several."""
    kinds, clusters = np.array(outcomes.kinds), np.array(outcomes.clusters)
    found: dict[tuple[str, str], Measure] = {}
    for kind in sorted(set(outcomes.kinds)):
        for name, values in outcomes.ours.items():
            mine = (kinds == kind) & ~np.isnan(values)
            if mine.any():
                found[kind, name] = Measure(
                    kind if len(outcomes.ours) == 1 else f"{kind} {name}",
                    "kind",
                    values[mine],
                    tuple(clusters[mine].tolist()),
                    outcomes.theirs[name][mine],
                    chance=float(outcomes.chance[name][mine].mean()),
                )
    return found
