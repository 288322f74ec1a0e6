"""Read what `hairsplit compare` wrote: every number of every suite, differences, drift, and gain against forgetting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.run import folder_name, read_json
from hairsplit.core.types import Estimate
from hairsplit.evaluate.pareto import Point, pareto_front
from hairsplit.report._fields import Fields
from hairsplit.report.trade_off import Curve, Spot, axes, axis_name

NAME = "compare.json"
VERSION = 1
"""Of compare.json."""
AGAIN = "run `hairsplit compare` again"


@dataclass(frozen=True)
class Cell:
    """One model at one number."""

    estimate: Estimate
    difference: Estimate | None
    """To the base; None for the base."""
    turned: tuple[int, int] | None
    """Items that only this model, and only the base, has right."""
    p_value: float | None
    p_holm: float | None


@dataclass(frozen=True)
class Row:
    """One number of a suite."""

    name: str
    part: str
    chance: float | None
    text_only: Estimate | None
    cells: Mapping[str, Cell]
    """By model."""


@dataclass(frozen=True)
class Suite:
    """What models were compared on."""

    name: str
    sort: str
    """pairs, benchmark, recognition, linear probe or retrieval."""
    title: str
    items: int
    rows: tuple[Row, ...]
    """The first is the headline."""


@dataclass(frozen=True)
class Moved:
    """Drift of one model's pictures or texts from the base's."""

    model: str
    side: str
    cosine: Estimate | None
    cka: Estimate | None


@dataclass(frozen=True)
class TradeOff:
    """Gain against forgetting."""

    gain: str
    kept: str
    curves: tuple[Curve, ...]
    swept: bool
    """The curves have models between their ends."""


@dataclass(frozen=True)
class Compared:
    """One comparison; models between two of a sweep are in `trade_off` alone."""

    label: str
    folder: Path
    base: str
    models: tuple[str, ...]
    """Without the base."""
    suites: tuple[Suite, ...]
    holm: int
    """Tests that p-values were corrected for."""
    drift: tuple[Moved, ...]
    trade_off: TradeOff | None
    warnings: tuple[str, ...]
    records: tuple[tuple[Path, str], ...]
    """Folders with the scores of items, and what each is to be called."""
    between: frozenset[Path]
    """Those of models between two."""


def read_compared(folder: Path, label: str) -> Compared:
    """Read one comparison, to be called `label`.

    Raises:
        HairsplitError: compare.json is torn, of another version, or lacks something.
    """
    path = folder / NAME
    fields = Fields(read_json(path), str(path), AGAIN)
    if fields.value("version") != VERSION:
        raise HairsplitError(
            f"has version {fields.value('version')!r}; this report reads {VERSION}", where=str(path), hint=AGAIN
        )
    base = str(fields.value("base"))
    sweeps = fields.objects("sweeps")
    between = {
        str(point.value("model"))
        for sweep in sweeps
        for point in sweep.objects("points")
        if 0 < point.number("alpha") < 1
    }
    labels = [str(model.value("label")) for model in fields.objects("models")]
    shown = [name for name in labels if name not in between]
    if base not in shown:
        raise HairsplitError(f"the base {base!r} is none of the models", where=str(path), hint=AGAIN)
    suites = fields.objects("suites")
    records = _records(fields, folder, labels)
    return Compared(
        label=label,
        folder=folder,
        base=base,
        models=tuple(name for name in shown if name != base),
        suites=tuple(_suite(suite, shown) for suite in suites),
        holm=int(fields.at("holm").number("tests")),
        drift=tuple(_moved(fields.at("drift"), shown)),
        trade_off=_swept(sweeps) if sweeps else _scattered(fields.value("suites"), base, shown),
        warnings=tuple(str(line) for line in fields.get("warnings", ())),
        records=tuple((place, called) for place, called, _ in records),
        between=frozenset(place.resolve() for place, _, model in records if model in between),
    )


def _records(fields: Fields, folder: Path, labels: Sequence[str]) -> list[tuple[Path, str, str]]:
    """Folder, what it is to be called, and its model: the model alone, or with its suite where there are several."""
    named = fields.value("folders")
    if not isinstance(named, list):
        raise HairsplitError("folders is not a list", where=str(folder / NAME), hint=AGAIN)
    called = {folder_name(label): label for label in labels}
    places = [Path(str(name)) for name in named]
    suites = {place.name for place in places}
    found = []
    for place in places:
        model = called.get(place.parent.name, place.parent.name)
        found.append((inside(folder, str(place)), model if len(suites) == 1 else f"{model}/{place.name}", model))
    return found


def _suite(fields: Fields, models: Sequence[str]) -> Suite:
    data = fields.at("data")
    return Suite(
        name=str(fields.value("name")),
        sort=str(fields.value("sort")),
        title=str(data.get("title", data.value("name"))),
        items=int(data.number("items")),
        rows=tuple(_row(row, models) for row in fields.objects("measures")),
    )


def _row(fields: Fields, models: Sequence[str]) -> Row:
    cells = fields.at("models")
    chance = fields.get("chance", None)
    return Row(
        name=str(fields.value("name")),
        part=str(fields.value("part")),
        chance=None if chance is None else float(chance),
        text_only=fields.estimate_or_none("text_only"),
        cells={model: _cell(cells.at(model)) for model in models},
    )


def _cell(fields: Fields) -> Cell:
    test = fields.optional("mcnemar")
    return Cell(
        estimate=fields.estimate("estimate"),
        difference=fields.estimate_or_none("difference"),
        turned=None if test is None else (int(test.number("model_only")), int(test.number("base_only"))),
        p_value=None if test is None else test.number("p_value"),
        p_holm=fields.get("p_holm", None),
    )


def _moved(drift: Fields, models: Sequence[str]) -> list[Moved]:
    found = []
    for model in drift:
        sides = drift.at(model)
        for side in sides if model in models else ():
            told = sides.optional(side)
            if told is not None:
                found.append(Moved(model, side, told.estimate_or_none("cosine"), told.estimate_or_none("cka")))
    return found


def _swept(sweeps: Sequence[Fields]) -> TradeOff:
    curves = []
    for sweep in sweeps:
        best = sweep.value("knee")
        spots = tuple(
            Spot(
                f"{point.number('alpha'):g}",
                point.estimate("gain"),
                point.estimate("kept"),
                on_front=bool(point.value("on_front")),
                picked=point.value("model") == best,
            )
            for point in sweep.objects("points")
        )
        curves.append(Curve(str(sweep.value("model")), spots))
    gain, kept = (
        axis_name(str(side.value("measure")), str(side.value("suite")))
        for side in (sweeps[0].at("gain"), sweeps[0].at("kept"))
    )
    return TradeOff(gain, kept, tuple(curves), swept=True)


def _scattered(suites: Any, base: str, models: Sequence[str]) -> TradeOff | None:
    """From the base to each other model, if something may be gained and something forgotten; fields were checked."""
    found = axes(suites)
    if found is None:
        return None
    (gain_suite, gain), (kept_suite, kept) = found
    gains, keeps = (_row(Fields(row, "", AGAIN), models).cells for row in (gain, kept))
    points = {name: Point(n, gains[name].estimate.value, keeps[name].estimate.value) for n, name in enumerate(models)}
    front = pareto_front(list(points.values()))

    def spot(name: str, label: str) -> Spot:
        return Spot(label, gains[name].estimate, keeps[name].estimate, on_front=points[name] in front)

    others = [name for name in models if name != base]
    curves = [Curve(name, (spot(base, "" if n else base), spot(name, name))) for n, name in enumerate(others)]
    return TradeOff(
        axis_name(gain["name"], gain_suite), axis_name(kept["name"], kept_suite), tuple(curves), swept=False
    )
