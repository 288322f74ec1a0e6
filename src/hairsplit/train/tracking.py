"""Experiment trackers, through accelerate: what metrics.jsonl gets, they get too; none of them can end a run."""

import importlib.util
import math
import os
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from accelerate import Accelerator
from accelerate.tracking import GeneralTracker
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json, write_json

TrackerName = Literal["tensorboard", "trackio", "wandb"]
TRACKERS: tuple[TrackerName, ...] = get_args(TrackerName)
FILE = "trackers.json"
"""In the run folder: {project, run, id}, by which a resumed run finds its trackers' runs."""


def _named(value: object) -> object:
    """Let `wandb` or `wandb,tensorboard` stand for a list, and suggest the nearest name for an unknown one."""
    names = [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value
    for name in names if isinstance(names, list | tuple) else ():
        if isinstance(name, str) and name not in TRACKERS:
            problem = f"no tracker is called {name!r}; {nearest(name, TRACKERS)}"
            raise PydanticCustomError("unknown_name", "{problem}", {"problem": problem})
    return tuple(dict.fromkeys(names)) if isinstance(names, list | tuple) else names


TrackerNames = Annotated[tuple[TrackerName, ...], BeforeValidator(_named)]
"""Field type for a configuration."""


def check_installed(names: Sequence[str]) -> None:
    """Refuse trackers that cannot be imported.

    Raises:
        HairsplitError: Names the extra that brings the first such one.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            hint = f"pip install 'hairsplit[{name}]', or leave it out"
            raise HairsplitError(f"the tracker {name} is not installed", where="trackers", hint=hint)


@dataclass
class Tracking:
    """The trackers of one run on the main process; without any, everything here does nothing."""

    trackers: list[GeneralTracker] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """Tracker -> rows that it did not take."""

    def log(self, row: Mapping[str, Any]) -> None:
        """Send a row of metrics.jsonl, as <kind>/<name>, at its step; numbers that are not finite are left out."""
        numbers = {
            f"{row['kind']}/{key}": value
            for key, value in row.items()
            if key not in {"kind", "step"} and isinstance(value, int | float) and math.isfinite(value)
        }
        for tracker in self.trackers:
            self._guarded(tracker, lambda t=tracker: t.log(numbers, step=row["step"]))  # type: ignore[misc]

    def close(self) -> None:
        """End the trackers' runs, and say what they did not take.

        accelerate's `end_training` does this too, but ends the ranks' connection with it.
        """
        for tracker in self.trackers:
            self._guarded(tracker, tracker.finish)
        for name, count in sorted(self.failures.items()):
            _say(f"{name} failed {count:,} time{'s' if count > 1 else ''}; metrics.jsonl has every row")
        self.trackers = []

    def _guarded(self, tracker: GeneralTracker, act: Callable[[], Any]) -> None:
        try:
            act()
        except Exception as error:  # disk, network, a bug of theirs: no reason to lose a run
            if not self.failures[tracker.name]:
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                _say(f"{tracker.name} failed ({first}); the run goes on")
            self.failures[tracker.name] += 1


def start(
    accelerator: Accelerator,
    names: Sequence[TrackerName],
    out: Path,
    *,
    project: str,
    run: str | None,
    hyper: Mapping[str, Any],
    step: int | None,
    own: Sequence[GeneralTracker] = (),
) -> Tracking:
    """Begin the trackers' runs, or go on with those of a resumed run.

    Args:
        accelerator: Its main process alone tracks.
        names: Which trackers.
        out: Run folder; TensorBoard's and wandb's files go there too.
        project: Of wandb and trackio.
        run: Name of the run; None: that of `out`.
        hyper: The configuration, a tree of plain values.
        step: Optimiser steps done, of a resumed run; None: it begins.
        own: Trackers of one's own.

    Raises:
        HairsplitError: A tracker does not start.
    """
    if not accelerator.is_main_process or not (names or own):
        return Tracking()
    check_installed(names)
    told = _identity(out, project, run, step)
    settings: dict[str, dict[str, Any]] = {
        "tensorboard": {"purge_step": None if step is None else step + 1},
        "wandb": {"name": told["run"], "id": told["id"], "resume": "allow", "dir": str(out), **_offline(names, out)},
        "trackio": {"name": told["run"], "resume": "allow", "embed": False},
    }
    accelerator.trackers = []  # an earlier run of this process had its own
    accelerator.log_with = [*names, *own]
    accelerator.project_configuration.set_directories(str(out))
    try:
        for name in ("tensorboard",) if "tensorboard" in names else ():  # its project is a folder: one run, one place
            accelerator.log_with.remove(name)
            accelerator.log_with.append(_tensorboard(out, settings[name]))
        accelerator.init_trackers(told["project"], flat(hyper) if step is None else None, settings)
    except Exception as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        hint = "mend its settings, or leave it out of `trackers`"
        raise HairsplitError(f"the trackers do not start ({first})", where=", ".join(names), hint=hint) from error
    return Tracking(list(accelerator.trackers))


def _tensorboard(out: Path, settings: Mapping[str, Any]) -> GeneralTracker:
    from accelerate.tracking import TensorBoardTracker

    tracker: GeneralTracker = TensorBoardTracker("tensorboard", str(out), **settings)
    return tracker


def _identity(out: Path, project: str, run: str | None, step: int | None) -> dict[str, str]:
    """Project, name and id of the trackers' runs: those of the run that is resumed."""
    if step is not None and (out / FILE).is_file():
        known = read_json(out / FILE)
        if isinstance(known, dict) and {"project", "run", "id"} <= known.keys():
            return {key: str(known[key]) for key in ("project", "run", "id")}
    told = {"project": project, "run": run or out.resolve().name, "id": secrets.token_hex(8)}
    write_json(out / FILE, told)
    return told


def _offline(names: Sequence[str], out: Path) -> dict[str, str]:
    """Keep wandb on this machine unless the user's own settings say otherwise."""
    if "wandb" not in names or "WANDB_MODE" in os.environ:
        return {}
    _say(f"wandb: offline, in {out / 'wandb'}; WANDB_MODE=online sends, `wandb sync` sends later")
    return {"mode": "offline"}


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, bool | int | float | str]:
    """A tree of settings as `a.b: value`, in what every tracker can show; a list is its text."""
    found: dict[str, bool | int | float | str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return found


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201
