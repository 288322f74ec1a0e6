"""What a comparison says of the pairs of a table: all of them, the mean over kinds, each kind, edit role and source."""

from collections.abc import Mapping, Sequence

import numpy as np

from hairsplit.core.types import Estimate, Pair
from hairsplit.evaluate.measure import FloatArray, Measure, Part, mean_by
from hairsplit.evaluate.statistics import mean_by_kind
from hairsplit.evaluate.suite import Scores
from hairsplit.evaluate.text_only import CHANCE, TextOnlyBaseline

ALL, MACRO = "pair accuracy", "mean over kinds"
Named = tuple[str, str]
"""(part, name) of a measure."""


def pair_measures(scores: Scores) -> list[Measure]:
    """Pair accuracy, a tie being a miss: of all pairs, and of each kind, edit role and source there are several of.

    Pairs whose edit is not known are in no role.
    """
    hits: FloatArray = (scores.positive > scores.negative).astype(np.float64)
    ties_hit: FloatArray = (scores.positive >= scores.negative).astype(np.float64)
    clusters = tuple(pair.image for pair in scores.pairs)
    labels = _labels(scores.pairs)
    found = [Measure(ALL, "overall", hits, clusters, ties_hit, chance=CHANCE)]
    found += [Measure(MACRO, "overall", hits, clusters, ties_hit, labels["kind"], chance=CHANCE)]
    for part, names in labels.items():
        found += mean_by(part, names, hits, clusters, ties_hit)
    return found


def _labels(pairs: Sequence[Pair]) -> dict[Part, tuple[str, ...]]:
    """Part -> the label of each pair, "" where it has none."""
    labels: dict[Part, tuple[str, ...]] = {
        "kind": tuple(pair.kind for pair in pairs),
        "edit role": tuple(pair.edit.role if pair.edit else "" for pair in pairs),
        "source": tuple(pair.source for pair in pairs),
    }
    if len(set(labels["source"])) == 1:
        del labels["source"]
    return labels


def blind_estimates(found: TextOnlyBaseline, pairs: Sequence[Pair], *, seed: int) -> Mapping[Named, Estimate]:
    """The text-only baseline of each measure of `pair_measures`, as far as there is one."""
    if found.overall is None or found.mean_of_kinds is None:
        return {}
    estimates: dict[Named, Estimate] = {("overall", ALL): found.overall, ("overall", MACRO): found.mean_of_kinds}
    scored = [pairs[row] for row in found.rows.tolist()]
    images = [pair.image for pair in scored]
    for part, names in _labels(scored).items():
        each = mean_by_kind(found.credits, names, images, chance=CHANCE, seed=seed)
        estimates |= {(part, name): value for name, value in each.items() if name}
    return estimates
