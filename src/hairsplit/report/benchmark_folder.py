"""Read what a model did on a benchmark: every published aggregate, from benchmark.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.core.types import Estimate
from hairsplit.report._fields import Fields

VERSION = 1
"""Of benchmark.json."""
AGAIN = "run `hairsplit evaluate` again"


@dataclass(frozen=True)
class Row:
    """One number of a benchmark."""

    name: str
    published: str
    """Who reports it."""
    estimate: Estimate | None
    """None where no item is left for it."""
    own_rule: float | None
    """What the suite's own code would count; None where it leaves ties to the order of sorting."""


@dataclass(frozen=True)
class Benchmarked:
    """One model on one benchmark."""

    label: str
    folder: Path
    name: str
    title: str
    model: str
    data_hash: str
    items: int
    aggregates: tuple[Row, ...]
    kinds: tuple[Row, ...]
    tie_rule: str
    text_only: Estimate | None
    text_only_note: str
    left_out: Mapping[str, int]
    warnings: tuple[str, ...]
    citation: str
    licence: str


@dataclass(frozen=True)
class Table:
    """The numbers of several models on the same items: a row per number, a column per model."""

    models: tuple[Benchmarked, ...]

    @property
    def first(self) -> Benchmarked:
        """What is the same for all is read from it."""
        return self.models[0]

    def rows(self, part: str) -> list[tuple[Row, list[Row | None]]]:
        """Each number of `aggregates` or `kinds`, and what each model reached."""
        names = list(dict.fromkeys(row.name for model in self.models for row in getattr(model, part)))
        columns = [{row.name: row for row in getattr(model, part)} for model in self.models]
        return [(next(c[name] for c in columns if name in c), [c.get(name) for c in columns]) for name in names]


def read_benchmarked(folder: Path, label: str) -> Benchmarked:
    """Read one benchmark folder, to be called `label`.

    Raises:
        HairsplitError: benchmark.json is torn, of another version, or lacks something.
    """
    path = folder / "benchmark.json"
    fields = Fields(read_json(path), str(path), AGAIN)
    if fields.value("version") != VERSION:
        what = f"has version {fields.value('version')!r}; this report reads {VERSION}"
        raise HairsplitError(what, where=str(path), hint=AGAIN)
    entry = fields.at("benchmark")
    text_only = fields.optional("text_only")
    return Benchmarked(
        label=label,
        folder=folder,
        name=str(entry.value("name")),
        title=str(entry.value("title")),
        model=str(fields.at("model").value("name")),
        data_hash=str(fields.at("data").value("hash")),
        items=int(fields.value("items")),
        aggregates=tuple(_aggregates(fields)),
        kinds=tuple(_kinds(fields.at("by_kind"))),
        tie_rule=str(entry.get("tie_rule", "")),
        text_only=text_only.estimate_or_none("overall") if text_only else None,
        text_only_note=str(text_only.get("note", "")) if text_only else "",
        left_out=fields.get("left_out", {}),
        warnings=tuple(fields.get("warnings", ())),
        citation=f"{entry.get('citation', '')} ({entry.get('reference', '')})",
        licence=str(entry.get("licence", "")),
    )


def _aggregates(fields: Fields) -> list[Row]:
    found = []
    for one in fields.objects("aggregates"):
        own = one.get("value_by_the_suites_own_tie_rule", None)
        estimate = one.estimate_or_none("estimate")
        found.append(Row(str(one.value("name")), str(one.get("published", "")), estimate, own))
    return found


def _kinds(fields: Fields) -> list[Row]:
    found = []
    for kind in fields:
        outcomes = fields.at(kind)
        for outcome in outcomes:
            name = kind if len(list(outcomes)) == 1 else f"{kind}, {outcome}"
            found.append(Row(name, "", outcomes.estimate(outcome), None))
    return found


def tables(found: Sequence[Benchmarked]) -> list[Table]:
    """Those of the same benchmark on the same items in one table, in the order given."""
    groups: dict[tuple[str, str], list[Benchmarked]] = {}
    for one in found:
        groups.setdefault((one.name, one.data_hash), []).append(one)
    return [Table(tuple(group)) for group in groups.values()]
