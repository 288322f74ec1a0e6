"""Checkpoints of a run: which are kept, and a failed write that leaves the ones before it whole."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_folder
from hairsplit.core.wording import counted
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.checkpoint import TrainState, save_state
from hairsplit.train.patience import first_alone
from hairsplit.train.sharded_state import Shards, drop_shards, refuse_absent, save_part, shards_folder
from hairsplit.train.together import together

CHECKPOINTS = "checkpoints"
_STEP = re.compile(r"step_(\d{6,})")


def save_best(run: Path, encoder: DualEncoder, step: int, carry: Mapping[str, Tensor] | None = None) -> None:
    """Replace checkpoints/best; `carry`, what the losses handed on, is written beside the model.

    Raises:
        HairsplitError: It could not be written; the one before is whole.
    """
    with _or_intact(run, step):
        dual_encoder.save(encoder, run / CHECKPOINTS / "best", carry)


def save_last(
    run: Path, encoder: DualEncoder, step: int, keep_last: int, carry: Mapping[str, Tensor] | None = None
) -> None:
    """Replace checkpoints/last; with `keep_last`, keep it as step_<step> as well, and so many of those in all.

    See `save_best` for `carry`.

    Raises:
        HairsplitError: It could not be written; the ones before are whole.
    """
    folder = run / CHECKPOINTS
    with _or_intact(run, step):
        dual_encoder.save(encoder, folder / "last", carry)
        if keep_last:
            with atomic_folder(folder / f"step_{step:06d}") as temporary:
                shutil.copytree(folder / "last", temporary, copy_function=_link, dirs_exist_ok=True)
            for old in kept(run)[:-keep_last]:
                going = old.with_name(f".{old.name}.old")  # a kill in the middle leaves no half of a model
                old.replace(going)
                shutil.rmtree(going)


def save_resumable(
    run: Path, state: TrainState, shards: Shards | None, accelerator: Accelerator, *, timeout: timedelta
) -> None:
    """Replace the state to resume from; all ranks must call it.

    The state is written when the shards of all ranks lie in a folder of this step, and the folder of the state before
    goes after that: a kill at any time leaves one whole state.

    Args:
        run: Its folder.
        state: Of the first rank.
        shards: This rank's; None if all is in `state`.
        accelerator: Of this process.
        timeout: How long ranks wait for each other.

    Raises:
        HairsplitError: On all ranks, if one of them could not write; the state before is whole.
    """
    if shards is not None:
        where = _save_shards(run, state.step, shards, accelerator, timeout)
        state = replace(state, shards=where)
    with first_alone(timeout):
        if accelerator.is_main_process:
            with _or_intact(run, state.step):
                save_state(run, state)
                drop_shards(run, keep=None if state.shards is None else state.shards["folder"])


def _save_shards(run: Path, step: int, shards: Shards, accelerator: Accelerator, timeout: timedelta) -> dict[str, Any]:
    """Write the files of all ranks, or none; returns where they are, for the state."""
    rank, ranks, folder = accelerator.process_index, accelerator.num_processes, shards_folder(run, step)
    with first_alone(timeout):
        if accelerator.is_main_process and folder.exists():  # of a run that was killed here before
            with _or_intact(run, step):
                shutil.rmtree(folder)
    try:
        with together(accelerator), _or_intact(run, step, f" by rank {rank}"):
            save_part(folder, shards, step=step, rank=rank)
        with first_alone(timeout):
            if accelerator.is_main_process:
                refuse_absent(folder, ranks)
    except HairsplitError:
        if accelerator.is_main_process:  # there is little room, or none
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shapes = {name: list(shape) for name, shape in shards.shapes.items()}
    return {"folder": folder.name, "ranks": ranks, "shapes": shapes, "learning": list(shards.learning)}


def kept(run: Path) -> list[Path]:
    """checkpoints/step_<step>, oldest first."""
    found = ((_STEP.fullmatch(path.name), path) for path in (run / CHECKPOINTS).glob("step_*"))
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match is not None)]


def refuse_not_finite(
    run: Path, what: str, *, at: int, done: int, saved: int | None, best: dict[str, Any] | None, start: str
) -> NoReturn:
    """End a run whose numbers went wrong at step `at`; a checkpoint is good if the step after it had a finite loss.

    Args:
        run: Its folder.
        what: The thing that is not finite.
        at: Step at which it is.
        done: Steps done.
        saved: Step of the last checkpoint.
        best: {metric, value, step} of the best one.
        start: Name of the model it started from.

    Raises:
        HairsplitError: Always; it names the last good model.
    """
    folder = run / CHECKPOINTS
    if saved is not None and saved < done:
        good = f"{folder / 'last'} (step {saved})"
    elif best is not None and best["step"] < done:
        good = f"{folder / 'best'} (step {best['step']})"
    else:
        good = f"the one it started from, {start}"
    raise HairsplitError(
        f"the {what} is not finite at step {at}; the last good model is {good}",
        where=str(run),
        hint="start a new run, from that model if you like, with a lower lr, a longer warm-up, or clip_norm",
    )


@contextlib.contextmanager
def _or_intact(run: Path, step: int, by: str = "") -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:  # torch.save tells a full disk by a RuntimeError
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
        raise HairsplitError(
            f"the checkpoint of step {step} could not be written{by} ({why}); the one before is whole",
            where=str(run / CHECKPOINTS),
            hint=f"make room, then `hairsplit train --out {run} --resume` goes on from the last whole state",
        ) from error


def _link(source: str, target: str) -> None:
    """A hard link where the file system has them: a model's files are replaced, never changed."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def refuse_broken(encoder: DualEncoder, name: str) -> None:
    """Refuse a start model with numbers that are not finite.

    Raises:
        HairsplitError: Names the first of its tensors that has some.
    """
    bad = [tensor for tensor, value in encoder.named_parameters() if not torch.isfinite(value).all()]
    if bad:
        raise HairsplitError(
            f"{counted(len(bad), 'tensor')} of the start model with numbers that are not finite, the first is {bad[0]}",
            where=name,
            hint="get the model again, or start from another one",
        )
