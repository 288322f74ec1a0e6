"""Tables and figure of the comparison of objectives, from the runs that are finished.

    python benchmarks/objectives_table.py FOLDER

Writes runs.json and runs.parquet (a row per run), table.md, figure.svg into the FOLDER of `benchmarks/objectives.py`. A
number is the mean over the seeds of a change from `tiny`; its interval is the 95 % bootstrap clustered over images, of
the hits meaned over the seeds; "±" is the standard deviation over seeds, which the interval does not hold.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from objectives_figure import Point, grid
from objectives_run import NAMES, unpacked

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, read_json, write_json
from hairsplit.core.tables import write_parquet
from hairsplit.core.types import Estimate
from hairsplit.encoders.trainable import MODES
from hairsplit.evaluate.statistics import paired_difference, paired_macro_difference

Hits = Mapping[str, NDArray[np.float64]]
"""`pairs`, `recognition`, `retrieval` -> [n] share of right answers to each item."""
DEFAULT = "hnc_l2"
DEFAULT_MODE = "full_encoder"
"""What the others are compared with: what a run has that names none."""


@dataclass(frozen=True)
class Found:
    """What is in a folder."""

    kinds: tuple[str, ...]
    """Of each test pair."""
    clusters: Mapping[str, tuple[str, ...]] = field(repr=False)
    """As `Hits` -> the image of each item."""
    start: Hits = field(repr=False)
    records: tuple[dict[str, Any], ...] = field(repr=False)
    """Of the runs, without the trials of rates; by mode, objective and seed."""
    rates: Mapping[str, list[tuple[float, float | None]]]
    """Mode -> rates tried and the validation of each, None where it failed."""

    @property
    def modes(self) -> list[str]:
        """In the order of their definition."""
        return list(self.rates)

    @property
    def objectives(self) -> list[str]:
        """In the order of the registry."""
        return [name for name in NAMES if any(record["job"]["objective"] == name for record in self.records)]

    def of(self, objective: str, mode: str) -> list[dict[str, Any]]:
        """The records of one objective and mode, by seed."""
        return [r for r in self.records if (r["job"]["objective"], r["job"]["mode"]) == (objective, mode)]


def read(folder: Path) -> Found:
    """What is finished so far.

    Raises:
        HairsplitError: Nothing is.
    """
    items = read_json(folder / "items.json")
    records = [read_json(file) for file in sorted((folder / "runs").glob("*.json"))]
    runs = [record for record in records if record["job"]["stage"] == "run"]
    if not runs:
        raise HairsplitError("no run is finished", where=str(folder), hint="benchmarks/objectives.py makes them")
    tried = {record["job"]["mode"] for record in records}
    rates: dict[str, list[tuple[float, float | None]]] = {mode: [] for mode in MODES if mode in tried}
    trials = [record for record in records if record["job"]["stage"] == "rate"]
    for record in sorted(trials, key=lambda record: record["job"]["lr"]):
        job = record["job"]
        rates[job["mode"]].append((job["lr"], record.get("validation")))
    clusters = {name: tuple(items[name]["image"]) for name in ("pairs", "recognition")}
    clusters["retrieval"] = tuple(items["image_to_text"]["image"])
    start = hits(read_json(folder / "start.json"), clusters)
    order = list(NAMES)
    runs.sort(key=lambda r: (order.index(r["job"]["objective"]), r["job"]["mode"], r["job"]["seed"]))
    return Found(tuple(items["pairs"]["kind"]), clusters, start, tuple(runs), rates)


def hits(record: Mapping[str, Any], clusters: Mapping[str, Sequence[str]]) -> Hits:
    """Of one record; `retrieval`, of the one caption that each image has, is the mean of both directions."""
    found = {name: unpacked(record["hits"][name], len(clusters[name])) for name in ("pairs", "recognition")}
    n = len(clusters["retrieval"])
    sides = [unpacked(record["hits"][name], n) for name in ("image_to_text", "text_to_image")]
    return {name: np.asarray(value, np.float64) for name, value in found.items()} | {
        "retrieval": np.mean(sides, axis=0, dtype=np.float64)
    }


def mean_hits(many: Sequence[Hits]) -> Hits:
    """Item by item."""
    return {name: np.mean([one[name] for one in many], axis=0) for name in many[0]}


def changes(found: Found, before: Hits, after: Hits) -> dict[str, Estimate]:
    """Shares, clustered over images: `gain` (mean over kinds), each kind, `recognition`, `retrieval`."""
    kinds, images = np.array(found.kinds), np.array(found.clusters["pairs"])
    pairs = (before["pairs"], after["pairs"])
    changed = {"gain": paired_macro_difference(*pairs, found.kinds, found.clusters["pairs"])}
    for kind in sorted(set(found.kinds)):
        mine = kinds == kind
        changed[kind] = paired_difference(pairs[0][mine], pairs[1][mine], images[mine])
    for name in ("recognition", "retrieval"):
        changed[name] = paired_difference(before[name], after[name], found.clusters[name])
    return changed


@dataclass(frozen=True)
class Cell:
    """An objective in a mode."""

    objective: str
    mode: str
    seeds: int
    failed: tuple[str, ...]
    """What went wrong, run by run."""
    hits: Hits | None = field(repr=False)
    """Meaned over the seeds; None: no run came to its end."""
    changes: Mapping[str, Estimate]
    spread: Mapping[str, float]
    """Standard deviation over seeds of `gain`, `recognition` and `retrieval`; empty with fewer than two."""
    step: float
    """CPU seconds of a step, the median of the second half of a run, the least of the seeds'."""
    learned: int
    rose: int
    """Seeds whose training loss ended above where it began."""


def cell(found: Found, objective: str, mode: str) -> Cell:
    """From all its records."""
    records = found.of(objective, mode)
    done = [record for record in records if record["state"] == "done"]
    failed = tuple(str(record["error"]) for record in records if record["state"] != "done")
    if not done:
        return Cell(objective, mode, len(records), failed, None, {}, {}, float("nan"), 0, 0)
    each = [hits(record, found.clusters) for record in done]
    mean = mean_hits(each)
    spread = {}
    if len(each) > 1:
        of_seed = [changes_only(found, one) for one in each]
        spread = {name: float(np.std([one[name] for one in of_seed], ddof=1)) for name in of_seed[0]}
    return Cell(
        objective,
        mode,
        len(records),
        failed,
        mean,
        changes(found, found.start, mean),
        spread,
        min(record["step_cpu_s"] for record in done),
        done[0]["learned"],
        sum(not record["loss"][1] <= record["loss"][0] for record in done),
    )


def changes_only(found: Found, after: Hits) -> dict[str, float]:
    """`gain`, `recognition`, `retrieval` and each kind of one run, without intervals."""
    kinds, better = np.array(found.kinds), after["pairs"] - found.start["pairs"]
    by_kind = {kind: float(better[kinds == kind].mean()) for kind in sorted(set(found.kinds))}
    beside = {name: float((after[name] - found.start[name]).mean()) for name in ("recognition", "retrieval")}
    return {"gain": float(np.mean(list(by_kind.values()))), **by_kind, **beside}


def run_rows(found: Found) -> list[dict[str, Any]]:
    """A row per run, for runs.json and runs.parquet."""
    rows = []
    for record in found.records:
        row = {**record["job"], "state": record["state"], "error": record.get("error"), "cpu_s": record["cpu_s"]}
        names = ("step_cpu_s", "learned", "logit_scale")
        row |= {name: record.get(name) for name in names}
        row |= dict(zip(("loss_first", "loss_last"), record.get("loss", (None, None)), strict=True))
        change = changes_only(found, hits(record, found.clusters)) if record["state"] == "done" else {}
        names = ("gain", *sorted(set(found.kinds)), "recognition", "retrieval")
        rows.append(row | {f"change/{name}": change.get(name) for name in names})
    return rows


def points(estimate: Estimate | None, spread: float | None = None) -> str:
    """A change in percentage points, with its interval, and the deviation over seeds."""
    if estimate is None:
        return "-"
    shown = f"{100 * estimate.value:+.1f} [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]"
    return shown if spread is None else f"{shown} ±{100 * spread:.1f}"


def notes(one: Cell) -> str:
    """What a reader must not overlook."""
    found = []
    if one.failed:
        found.append(f"**{len(one.failed)} of {one.seeds} failed**: {one.failed[0][:80]}")
    if one.changes and one.changes["gain"].high < 0:
        found.append("**worse than the start**")
    if one.rose:
        found.append(f"loss rose in {one.rose} of {one.seeds}")
    return "; ".join(found)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, its numbers to the right."""
    words = ("objective", "trainable", "notes")
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if h in words else "---:" for h in head) + "|"]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def start_lines(found: Found) -> list[str]:
    """Where all runs begin, and the rates."""
    kinds, right = np.array(found.kinds), found.start["pairs"]
    by_kind = {kind: 100 * right[kinds == kind].mean() for kind in sorted(set(found.kinds))}
    told = ", ".join(f"{kind} {value:.1f} (n {(kinds == kind).sum()})" for kind, value in by_kind.items())
    sides = ", ".join(
        f"{n} {100 * found.start[n].mean():.1f} (n {len(found.start[n])})" for n in ("recognition", "retrieval")
    )
    first = f"The start, per cent: mean over kinds {np.mean(list(by_kind.values())):.1f}; {told}; {sides}."
    if not any(found.rates.values()):
        return [first, ""]
    rates = "; ".join(
        f"{mode} " + ", ".join(f"{rate:g}: " + ("failed" if v is None else f"{100 * v:.1f}") for rate, v in tried)
        for mode, tried in found.rates.items()
    )
    return [first, "", f"Rates tried, and the mean over kinds on validation: {rates}.", ""]


def by_cell(cells: Sequence[Cell]) -> list[str]:
    """Gain, forgetting and cost of each objective in each mode; then the gain of each kind."""
    rows = [
        [
            one.objective,
            one.mode,
            str(one.seeds),
            *(points(one.changes.get(name), one.spread.get(name)) for name in ("gain", "recognition", "retrieval")),
            "-" if one.hits is None else f"{1000 * one.step:.0f}",
            f"{one.learned:,}" if one.learned else "-",
            notes(one),
        ]
        for one in cells
    ]
    head = ["objective", "trainable", "seeds", "gain, mean over kinds", "recognition", "retrieval", "CPU ms a step"]
    kinds = [
        name
        for name in next((c.changes for c in cells if c.changes), {})
        if name not in ("gain", "recognition", "retrieval")
    ]
    of_kind = [[one.objective, one.mode, *(points(one.changes.get(kind)) for kind in kinds)] for one in cells]
    lines = [*markdown([*head, "learn", "notes"], rows), "Gain per kind:", ""]
    return [*lines, *markdown(["objective", "trainable", *kinds], of_kind)]


def by_objective(found: Found, cells: Sequence[Cell]) -> list[str]:
    """Each objective over the modes and seeds that all objectives have finished, and against the default."""
    names = found.objectives
    at = {(one.objective, one.mode): one for one in cells}
    common = {mode: shared_hits(found, names, mode) for mode in found.modes}
    modes = [mode for mode, of_name in common.items() if of_name]
    if not modes:
        return []
    mean = {name: mean_hits([common[m][name] for m in modes]) for name in names}
    rows, of_kind = [], []
    for name in names:
        change = changes(found, found.start, mean[name])
        of_kind.append((change["gain"].value, [name, *(points(change[kind]) for kind in sorted(set(found.kinds)))]))
        against = changes(found, mean[DEFAULT], mean[name]) if DEFAULT in mean and name != DEFAULT else {}
        ratios = [at[name, m].step / at[DEFAULT, m].step for m in modes] if DEFAULT in names else []
        rows.append(
            (
                change["gain"].value,
                [
                    name,
                    *(points(change[key]) for key in ("gain", "recognition", "retrieval")),
                    *(points(against.get(key)) for key in ("gain", "retrieval")),
                    f"{np.exp(np.mean(np.log(ratios))):.2f}" if ratios else "-",
                ],
            )
        )
    rows.sort(key=lambda row: -row[0])
    of_kind.sort(key=lambda row: -row[0])
    head = [
        "objective",
        "gain",
        "recognition",
        "retrieval",
        f"gain - {DEFAULT}",
        f"retrieval - {DEFAULT}",
        f"step / {DEFAULT}",
    ]
    lines = [f"Objectives, mean over {', '.join(modes)}:", "", *markdown(head, [row for _, row in rows])]
    lines += ["Their gain per kind:", ""]
    lines += markdown(["objective", *sorted(set(found.kinds))], [row for _, row in of_kind])
    return [*lines, *by_mode(found, at, {mode: common[mode] for mode in modes})]


def shared_hits(found: Found, names: Sequence[str], mode: str) -> dict[str, Hits]:
    """Objective -> hits meaned over the seeds that all objectives have finished; empty where there is none."""
    done = {name: {r["job"]["seed"]: r for r in found.of(name, mode) if r["state"] == "done"} for name in names}
    seeds = set.intersection(*(set(records) for records in done.values()))
    of_name = {name: [hits(done[name][seed], found.clusters) for seed in sorted(seeds)] for name in names}
    return {name: mean_hits(many) for name, many in of_name.items()} if seeds else {}


def by_mode(found: Found, at: Mapping[tuple[str, str], Cell], common: Mapping[str, Mapping[str, Hits]]) -> list[str]:
    """What may learn, over all objectives, and against the default."""
    names = found.objectives
    mean = {mode: mean_hits(list(of_name.values())) for mode, of_name in common.items()}
    rows = []
    start = mean.get(DEFAULT_MODE)
    for mode, after in mean.items():
        change = changes(found, found.start, after)
        against = {} if start is None or mode == DEFAULT_MODE else changes(found, start, after)
        shown = [points(change[key]) for key in ("gain", "recognition", "retrieval")]
        shown += [points(against.get(key)) for key in ("gain", "retrieval")]
        rows.append([mode, *shown, f"{1000 * np.median([at[name, mode].step for name in names]):.0f}"])
    head = ["trainable", "gain", "recognition", "retrieval", f"gain - {DEFAULT_MODE}", f"retrieval - {DEFAULT_MODE}"]
    return [f"What may learn, mean over {len(names)} objectives:", "", *markdown([*head, "CPU ms a step"], rows)]


def write(folder: Path) -> None:
    """Everything, from what is finished so far."""
    found = read(folder)
    cells = [cell(found, name, m) for name in found.objectives for m in found.modes if found.of(name, m)]
    rows = run_rows(found)
    write_json(folder / "runs.json", rows)
    write_parquet(folder / "runs.parquet", pa.Table.from_pylist(rows))
    spent = sum(row["cpu_s"] for row in rows)
    told = f"{len(rows)} runs, {spent:,.0f} CPU seconds. Changes from `tiny`, percentage points."
    lines = [told, "", *start_lines(found), *by_objective(found, cells), *by_cell(cells)]
    with atomic_file(folder / "table.md") as temporary:
        temporary.write_text("\n".join(lines), "utf-8")
    shown = [Point(c.objective, c.mode, c.changes["gain"], c.changes["retrieval"]) for c in cells if c.changes]
    with atomic_file(folder / "figure.svg") as temporary:
        temporary.write_text(grid(shown, found.objectives, found.modes), "utf-8")


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]))
    except HairsplitError as error:
        sys.exit(str(error))
    print((Path(sys.argv[1]) / "table.md").read_text("utf-8"))
