"""Ranks that wait for each other, one of which works for long, stops answering, or dies."""

import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from hairsplit._verbs import train as verb
from hairsplit.cli.main import main
from hairsplit.core.errors import HairsplitError
from hairsplit.data.batches import PairBatches
from hairsplit.train import saving
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.patience import first_alone, lost_ranks
from tests.train import ranks
from tests.train.processes import STOPPED

SHORT = timedelta(seconds=3)
"""Of the ranks' ordinary operations here; a busy machine may keep a rank from answering for a second."""
LONGER = 3.5
"""Seconds of the first rank's work."""


def _begin() -> None:
    engine(SHORT)
    dist.barrier()  # both are there


def alone(rank: int, out: Path) -> None:
    """The first rank works for longer than the others wait for an ordinary answer, and then for a moment."""
    _begin()
    for seconds in (LONGER, 0.0):
        with first_alone(SHORT):
            if rank == 0:
                time.sleep(seconds)
        total = torch.tensor(rank + 1)
        dist.all_reduce(total)
    (out / f"{rank}").write_text(str(total.item()))


def silent(rank: int, out: Path) -> None:
    """The first rank hangs in the middle of its work."""
    _begin()
    began = time.monotonic()
    try:
        with lost_ranks(out, SHORT), first_alone(SHORT):
            if rank == 0:
                os.kill(os.getpid(), signal.SIGSTOP)
    except HairsplitError as error:
        (out / "error").write_text(f"{time.monotonic() - began}\n{error}")
        os._exit(STOPPED)


def failing(rank: int, out: Path) -> None:
    """The first rank fails in its work, after a sign of life."""
    _begin()
    try:
        with first_alone(SHORT):
            if rank == 0:
                time.sleep(1)
                raise HairsplitError("no good", where="a picture", hint="mend it")
    except HairsplitError as error:
        (out / f"error{rank}").write_text(str(error))
        os._exit(STOPPED)


def _once_slowly(function: Callable[..., Any], done: list[str]) -> Callable[..., Any]:
    def slow(*arguments: Any, **more: Any) -> Any:
        if function.__name__ not in done:
            done.append(function.__name__)
            time.sleep(LONGER)
        return function(*arguments, **more)

    return slow


def slow_training(rank: int, config: TrainConfig, out: Path) -> None:
    """A training whose first rank takes long to check pictures, to validate, and to save."""
    done: list[str] = []
    for owner, name in ((PairBatches, "check_pictures"), (verb, "validation_metrics"), (saving, "save_state")):
        setattr(owner, name, _once_slowly(getattr(owner, name), done))
    ranks.train(rank, config, out)
    out.with_suffix(f".slow{rank}").write_text(" ".join(done))


def command(rank: int, file: Path, out: Path) -> None:
    """`hairsplit train` as on the command line, its words in <out>.said<rank>."""
    said = out.with_suffix(f".said{rank}").open("w")
    for stream in (1, 2):
        os.dup2(said.fileno(), stream)
    sys.stdout = sys.stderr = said
    main(["train", str(file), "--out", str(out)])
