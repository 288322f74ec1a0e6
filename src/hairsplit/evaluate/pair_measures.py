"""What a comparison says of the pairs of a table: all, the mean over kinds, each kind, edit role, both, and source."""

from collections.abc import Mapping, Sequence

import numpy as np

from hairsplit.core.types import Estimate, Pair
from hairsplit.evaluate.measure import ALL, MACRO, FloatArray, Measure, Part, mean_by
from hairsplit.evaluate.statistics import mean_by_kind
from hairsplit.evaluate.suite import Scores, edit_roles
from hairsplit.evaluate.text_only import CHANCE, TextOnlyBaseline

Named = tuple[str, str]
"""(part, name) of a measure."""


def pair_measures(scores: Scores) -> list[Measure]:
    """Pair accuracy, a tie being a miss: of all pairs, and of each kind, edit role and source there are several of.

    Pairs whose edit is not known are in no role. Kind and edit role together are told of kinds that have several roles.
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
    kinds, roles = tuple(pair.kind for pair in pairs), edit_roles(pairs)
    together = {(kind, role) for kind, role in zip(kinds, roles, strict=True) if role}
    several = {kind for kind, _ in together if sum(other == kind for other, _ in together) > 1}
    labels: dict[Part, tuple[str, ...]] = {
        "kind": kinds,
        "edit role": roles,
        "kind and edit role": tuple(
            f"{kind}, {role}" if role and kind in several else "" for kind, role in zip(kinds, roles, strict=True)
        ),
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
