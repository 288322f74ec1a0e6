"""Models side by side: each number of a suite, its paired difference to the base, and how far luck explains it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hairsplit.core.types import Estimate
from hairsplit.evaluate.measure import AnyMeasure, Measure, Statistic, not_the_same
from hairsplit.evaluate.pair_measures import Named
from hairsplit.evaluate.statistics import McNemar, estimate_json, estimate_or_null, holm


@dataclass(frozen=True)
class Cell:
    """What one model has at one measure."""

    model: str
    estimate: Estimate
    ties: int | None
    """Items that are right only if a tie is; None where ties are not counted."""
    difference: Estimate | None = None
    """To the base, on the same items and in the same resamples; None for the base."""
    test: McNemar | None = None
    """Against the base; None for the base, and where there are no hits to test."""
    p_holm: float | None = None
    """The p-value of `test` after Holm's correction, at the first measure of a suite."""


@dataclass(frozen=True)
class Row:
    """One measure of a suite, of every model, the base first."""

    name: str
    part: str
    published: str
    chance: float | None
    text_only: Estimate | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Compared:
    """One suite; its first row is what Holm's correction is over."""

    name: str
    rows: tuple[Row, ...]


def compare(
    name: str,
    measured: Mapping[str, Sequence[AnyMeasure]],
    blind: Mapping[Named, Estimate],
    *,
    seed: int,
) -> Compared:
    """Put the measures of a suite side by side.

    Args:
        name: Of the suite.
        measured: Model -> its measures, the same ones for each; the first model is the base.
        blind: Text-only baselines by (part, name) of a measure.
        seed: Of the resampling, the same resamples for every model and difference.

    Raises:
        HairsplitError: The models were not judged on the same items.
    """
    base, *_ = measured.values()
    named = [(measure.part, measure.name) for measure in base]
    for measures in measured.values():
        if [(measure.part, measure.name) for measure in measures] != named:
            raise not_the_same(name)
    rows = []
    for n, first in enumerate(base):
        cells = tuple(
            _cell(model, measures[n], None if measures is base else first, seed) for model, measures in measured.items()
        )
        text_only = blind.get((first.part, first.name))
        rows.append(Row(first.name, first.part, first.published, first.chance, text_only, cells))
    return Compared(name, tuple(rows))


def _cell(model: str, measure: AnyMeasure, base: AnyMeasure | None, seed: int) -> Cell:
    cell = Cell(model, measure.estimate(seed), measure.ties)
    if isinstance(measure, Measure) and isinstance(base, Measure):
        return replace(cell, difference=measure.difference(base, seed), test=measure.mcnemar(base))
    if isinstance(measure, Statistic) and isinstance(base, Statistic):
        return replace(cell, difference=measure.difference(base, seed))
    return cell


def corrected(suites: Sequence[Compared]) -> list[Compared]:
    """Fill in `p_holm`: Holm's correction over the first measure of every suite, for every model but the base."""
    tests = [cell.test for suite in suites if suite.rows for cell in suite.rows[0].cells if cell.test is not None]
    adjusted = iter(holm([test.p_value for test in tests]))
    found = []
    for suite in suites:
        if not suite.rows:
            found.append(suite)
            continue
        first, *rest = suite.rows
        cells = tuple(cell if cell.test is None else replace(cell, p_holm=next(adjusted)) for cell in first.cells)
        found.append(replace(suite, rows=(replace(first, cells=cells), *rest)))
    return found


def rows_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """`measures` of a suite in compare.json."""
    return [
        {
            "name": row.name,
            "part": row.part,
            "published": row.published,
            "chance": row.chance,
            "text_only": estimate_or_null(row.text_only),
            "models": {cell.model: _cell_json(cell) for cell in row.cells},
        }
        for row in rows
    ]


def _cell_json(cell: Cell) -> dict[str, Any]:
    test = cell.test
    return {
        "estimate": estimate_json(cell.estimate),
        "ties": cell.ties,
        "difference": estimate_or_null(cell.difference),
        "mcnemar": None
        if test is None
        else {"base_only": test.first_only, "model_only": test.second_only, "p_value": test.p_value},
        "p_holm": cell.p_holm,
    }


COLUMNS = (
    "suite", "part", "measure", "model", "n", "value", "low", "high", "chance", "text_only", "ties",
    "difference", "difference_low", "difference_high", "base_only", "model_only", "p_value", "p_holm",
)  # fmt: skip
"""Of compare.csv; what is unknown is empty."""


def csv_rows(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """compare.json as a table, a row per suite, measure and model."""
    for suite in record["suites"]:
        for measure in suite["measures"]:
            for model, cell in measure["models"].items():
                estimate, change, test = cell["estimate"], cell["difference"] or {}, cell["mcnemar"] or {}
                yield {
                    "suite": suite["name"],
                    "part": measure["part"],
                    "measure": measure["name"],
                    "model": model,
                    **{name: estimate[name] for name in ("n", "value", "low", "high", "chance")},
                    "text_only": (measure["text_only"] or {}).get("value"),
                    "ties": cell["ties"],
                    "difference": change.get("value"),
                    "difference_low": change.get("low"),
                    "difference_high": change.get("high"),
                    **{name: test.get(name) for name in ("base_only", "model_only", "p_value")},
                    "p_holm": cell["p_holm"],
                }
