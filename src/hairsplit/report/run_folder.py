"""Read a run folder: what was logged, what learned, and how it was configured; an unfinished run is read too."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json


@dataclass(frozen=True)
class Run:
    """One run folder: how a model was trained."""

    label: str
    folder: Path
    train: tuple[Mapping[str, Any], ...]
    """Logged training steps, in order of step."""
    validation: tuple[Mapping[str, Any], ...]
    config: str
    """The YAML as it stands in the folder; empty where there is none."""
    stamp: Mapping[str, Any]
    trainable: tuple[Mapping[str, Any], ...]
    """Groups of parameters: name, parameters, learns, share."""
    summary: Mapping[str, Any]
    notes: tuple[str, ...]
    """What is incomplete about the folder, or cut the run short, as sentences."""


def read_run(folder: Path, label: str) -> Run:
    """Read one run folder, to be called `label`; what an unfinished run lacks is noted, not an error.

    Raises:
        HairsplitError: A file is torn (but for the last line of metrics.jsonl, which a killed run may leave half).
    """
    log, notes = _log(folder / "metrics.jsonl")
    summary = _object(folder / "summary.json")
    if not summary:
        notes.append("There is no summary.json: the run has not ended, or was stopped.")
    notes += _ended_early(summary)
    config = folder / "config.yaml"
    return Run(
        label=label,
        folder=folder,
        train=_by_step(row for row in log if row.get("kind") == "train"),
        validation=_by_step(row for row in log if row.get("kind") == "validation"),
        config=config.read_text("utf-8", "replace") if config.is_file() else "",
        stamp=_object(folder / "stamp.json"),
        trainable=_trainable(folder / "trainable.json"),
        summary=summary,
        notes=tuple(notes),
    )


def _ended_early(summary: Mapping[str, Any]) -> list[str]:
    """What a reader of the curves has to know of how the run ended."""
    if "stopped" in summary:
        return [f"The run was stopped early: {summary['stopped']}."]
    if "forgot_at_step" in summary:
        step = summary["forgot_at_step"]
        return [f"The forgetting budget was exceeded at step {step}; the run was told to go on."]
    return []


def _object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no such file."""
    value = read_json(path) if path.is_file() else {}
    if not isinstance(value, dict):
        raise HairsplitError("is not a JSON object", where=str(path), hint="restore the file, or remove it")
    return value


def _trainable(path: Path) -> tuple[Mapping[str, Any], ...]:
    rows = _object(path).get("rows", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) and {"name", "learns"} <= set(row) for row in rows):
        hint = "restore the file, or remove it"
        raise HairsplitError("rows lack a name or whether they learn", where=str(path), hint=hint)
    return tuple(rows)


def _log(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    if not path.is_file():
        return [], ["There is no metrics.jsonl: nothing was logged."]
    rows: list[dict[str, Any]] = []
    text = path.read_text("utf-8", "replace")
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):  # no newline after it: the writer was killed in the middle
                return rows, ["The last line of metrics.jsonl is half written and was left out: the run was killed."]
            hint = "restore the file, or remove the line"
            raise HairsplitError(f"not valid JSON ({error.msg})", where=f"{path}, line {number}", hint=hint) from None
        if not isinstance(row, dict) or not isinstance(row.get("step"), int):
            raise HairsplitError("has no step", where=f"{path}, line {number}", hint="remove the line")
        rows.append(row)
    return rows, []


def _by_step(rows: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """In order of step; where a resumed run logged a step again, the later line counts."""
    latest = {int(row["step"]): row for row in rows}
    return tuple(latest[step] for step in sorted(latest))
