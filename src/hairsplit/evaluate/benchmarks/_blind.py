"""What a reader blind to the pictures makes of a benchmark's captions."""

from collections.abc import Sequence

import numpy as np

from hairsplit.core.types import Estimate
from hairsplit.evaluate.benchmarks._aggregates import Outcomes, kind_measures
from hairsplit.evaluate.benchmarks._aggregates import measure as measured
from hairsplit.evaluate.benchmarks._benchmark import Benchmark, Question, Questions, Suite, cluster
from hairsplit.evaluate.text_only import TextOnlyBaseline, text_only_baseline


def blind_items(items: Sequence[Question], *, seed: int = 0) -> TextOnlyBaseline:
    """The blind reader on every (true, false) pair of captions."""
    pairs = [
        (true, false, item.kind, cluster(item))
        for item in items
        for true in item.captions[: item.true]
        for false in item.captions[item.true :]
    ]
    return text_only_baseline(
        [pair[0] for pair in pairs],
        [pair[1] for pair in pairs],
        [pair[2] for pair in pairs],
        [pair[3] for pair in pairs],
        seed=seed,
    )


def blind_estimates(
    entry: Benchmark, suite: Suite, *, seed: int = 0
) -> tuple[TextOnlyBaseline | None, dict[tuple[str, str], Estimate]]:
    """The blind reader, and what it has at each measure, by (part, name); None where it makes no sense.

    Where each item is one true and one false caption, it has every aggregate; else the first one only stands beside it.
    """
    if entry.blind or not isinstance(suite, Questions) or not suite.items:
        return None, {}
    items = suite.items
    found = blind_items(items, seed=seed)
    if found.overall is None:
        return found, {}
    pairs = all((len(item.captions), item.true) == (2, 1) for item in items) and len(entry.outcomes) == 1
    if not pairs or found.n_used < found.n_total:
        first = next(iter(entry.aggregates), None)
        return found, {} if first is None else {("aggregate", first.name): found.overall}
    ours = {entry.outcomes[0].name: found.credits}
    outcomes = Outcomes(
        tuple(item.kind for item in items),
        tuple(cluster(item) for item in items),
        tuple(item.units for item in items),
        ours,
        ours,
        {name: np.full(len(items), 0.5) for name in ours},
    )
    rules = [rule for rule in (measured(rule, outcomes) for rule in entry.aggregates) if rule is not None]
    each = [*rules, *kind_measures(outcomes).values()]
    return found, {(one.part, one.name): one.estimate(seed) for one in each}
