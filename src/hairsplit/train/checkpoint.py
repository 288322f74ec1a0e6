"""Run folders of training: what is needed to go on after a kill, the log, and models anyone can load."""

import json
import pickle
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file

STATE = "state/state.pt"


@dataclass(frozen=True)
class TrainState:
    """All that a run's future depends on, besides its configuration and its data."""

    step: int
    """Optimiser steps done."""
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    best: dict[str, Any] | None
    """{metric, value, step} of the best validation so far."""
    config_hash: str
    start_hash: str
    """Hash of the weights the run started from: the reference of KL, DPO and L2."""
    log_bytes: int
    """Length of the log up to this step; what came after is done again."""
    standing: dict[str, Any] = field(default_factory=dict)
    """What the run may still lose and how long it has waited; see `stopping.as_state`."""
    average: dict[str, Any] | None = None
    """The moving average of the weights; see `averaging.Average.state`."""
    carry: dict[str, Tensor] = field(default_factory=dict)
    """What the losses of the last step handed on; see `LossOutput.carry`."""
    shards: dict[str, Any] | None = None
    """Where weights and the optimiser's tensors are, if not in `model` and `optimizer`; see `sharded_state.Shards`."""


def save_state(run: Path, state: TrainState) -> None:
    """Write the state, atomically; random generators included."""
    tree = {**vars(state), "torch_rng": torch.get_rng_state(), "python_rng": _python_rng(), "numpy_rng": _numpy_rng()}
    if torch.cuda.is_available():
        tree["cuda_rng"] = torch.cuda.get_rng_state_all()
    with atomic_file(run / STATE) as temporary:
        torch.save(tree, temporary)


def has_state(run: Path) -> bool:
    """Whether the run was ever saved; if not, it starts from step 0."""
    return (run / STATE).is_file()


def load_state(run: Path, *, config_hash: str) -> TrainState:
    """Read the state and set the random generators.

    Raises:
        HairsplitError: There is none, it is torn, or it belongs to another configuration.
    """
    file = run / STATE
    if not file.is_file():
        raise HairsplitError(
            "no state to resume from", where=str(run), hint="start it without --resume, into a new --out"
        )
    try:
        tree = torch.load(file, weights_only=True, map_location="cpu")
        if tree["config_hash"] != config_hash:
            raise HairsplitError(
                "the configuration or the data are not those this run was started with",
                where=str(run),
                hint=f"compare with {run / 'config.yaml'}, or start a new run",
            )
        torch.set_rng_state(tree.pop("torch_rng"))
        _set_python_rng(tree.pop("python_rng"))
        _set_numpy_rng(tree.pop("numpy_rng"))
        if (cuda := tree.pop("cuda_rng", None)) is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(cuda)
        return TrainState(**tree)
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError, OSError, pickle.UnpicklingError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise torn(run, why, file) from None


def torn(run: Path, why: str, file: Path) -> HairsplitError:
    """The error of a file of the state that is not what was written."""
    hint = f"start a new run, from {run / 'checkpoints' / 'last'} if you like"
    return HairsplitError(f"torn state ({why})", where=str(file), hint=hint)


def _python_rng() -> dict[str, Any]:
    version, words, gauss = random.getstate()
    return {"version": version, "words": torch.tensor(words, dtype=torch.int64), "gauss": gauss}


def _set_python_rng(state: dict[str, Any]) -> None:
    random.setstate((state["version"], tuple(state["words"].tolist()), state["gauss"]))


def _numpy_rng() -> dict[str, Any]:
    _, words, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002 - libraries may use it
    return {
        "words": torch.from_numpy(np.asarray(words, np.int64)),
        "position": int(position),
        "has_gauss": int(has_gauss),
        "cached": float(cached),
    }


def _set_numpy_rng(state: dict[str, Any]) -> None:
    words = state["words"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", words, state["position"], state["has_gauss"], state["cached"]))  # noqa: NPY002


class MetricsLog:
    """metrics.jsonl: one JSON object a line, written at once, cut back to a checkpoint's length on resume.

    Raises:
        HairsplitError: The log is shorter than the checkpoint says; nothing is changed.
    """

    def __init__(self, run: Path, keep_bytes: int = 0) -> None:
        self.path = run / "metrics.jsonl"
        found = self.path.stat().st_size if self.path.is_file() else 0
        if found < keep_bytes:
            raise HairsplitError(
                f"the log has {found:,} bytes, and {keep_bytes:,} had been written when the state was saved",
                where=str(self.path),
                hint="put it back, or start a new run",
            )
        self._file = self.path.open("ab")
        self._file.truncate(keep_bytes)

    def write(self, row: dict[str, Any]) -> None:
        """Append a row; a number that is not finite becomes null, as JSON has none."""
        clean = {k: (None if isinstance(v, float) and not np.isfinite(v) else v) for k, v in row.items()}
        self._file.write((json.dumps(clean) + "\n").encode())
        self._file.flush()

    @property
    def bytes(self) -> int:
        """Length so far."""
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the file and write metrics.parquet beside it."""
        self._file.close()
        rows = [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]
        names = list(dict.fromkeys(name for row in rows for name in row))
        if names:
            table = pa.table({name: [row.get(name) for row in rows] for name in names})
            try:
                with atomic_file(self.path.with_suffix(".parquet")) as temporary:
                    pq.write_table(table, temporary)
            except OSError as error:  # a copy of the log, whose loss must not hide why a run ends
                print(f"metrics.parquet was not written: {error}", file=sys.stderr)  # noqa: T201
