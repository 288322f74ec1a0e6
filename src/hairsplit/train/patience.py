"""How long ranks wait for each other: minutes for an answer, days for a first one that shows signs of life."""

import contextlib
import functools
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted

USUAL = timedelta(minutes=30)
_DONE, _WORKING, _FAILED = 0, 1, 2
"""The first rank's signs."""
_CLOSED = re.compile(r"connection (closed|reset)|broken pipe|connection refused", re.IGNORECASE)
_SILENT = re.compile(r"timed? ?out", re.IGNORECASE)
_TALK = re.compile(r"gloo|c10d|nccl|tcpstore", re.IGNORECASE)
"""What torch's errors are told by: gloo's are plain RuntimeErrors."""
_HANGS = "has died or hangs"


@contextlib.contextmanager
def first_alone(timeout: timedelta) -> Iterator[None]:
    """A block in which the first rank may work for days, and the others not for long; they wait for it at the end.

    It is to hold no collective operation after the first rank's long work. That one shows a sign of life every now and
    then from a thread of its own, over gloo, so that the others notice within `timeout` if it has died or hangs.

    Raises:
        HairsplitError: On the other ranks, if the block failed on the first.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        yield
        return
    group = _group(dist.group.WORLD, timeout)
    if dist.get_rank() == 0:
        with _signs_of_life(group, timeout):
            yield
        return
    yield
    sign = _WORKING
    while sign == _WORKING:
        sign = _exchange(_DONE, group)
    if sign == _FAILED:
        raise HairsplitError(
            "the first rank could not go on", where=_place(), hint="see what it said; this rank has ended with it"
        )


@contextlib.contextmanager
def _signs_of_life(group: Any, timeout: timedelta) -> Iterator[None]:
    ended = threading.Event()
    pause = min(10.0, timeout.total_seconds() / 4)

    def show() -> None:
        while not ended.wait(pause):
            _exchange(_WORKING, group)

    with ThreadPoolExecutor(1, "signs of life") as pool:
        shown = pool.submit(show)
        try:
            yield
        except BaseException:
            ended.set()
            with contextlib.suppress(RuntimeError):  # the others have gone as well: there is no one to tell
                shown.result()
                _exchange(_FAILED, group)
            raise
        ended.set()
        shown.result()
        _exchange(_DONE, group)


def _exchange(sign: int, group: Any) -> int:
    """The first rank's sign, on all of them; each takes part, so that a lost one is noticed by all."""
    total = torch.tensor(sign)
    dist.all_reduce(total, group=group)
    return int(total.item())


@functools.cache
def _group(_world: Any, timeout: timedelta) -> Any:
    """A group beside the ranks' own, that of accelerators included, since signs of life come at any time."""
    return dist.new_group(backend="gloo", timeout=timeout)


@contextlib.contextmanager
def lost_ranks(out: Path, timeout: timedelta) -> Iterator[None]:
    """Tell of a rank that does not answer, or closed its connection, in one error instead of torch's.

    Raises:
        HairsplitError: Another rank has died, hangs, or has stopped with an error of its own.
    """
    try:
        yield
    except RuntimeError as error:
        what = _lost(error, timeout) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else None
        if what is None:
            raise
        slow = "; if it was only slow, set a longer timeout_minutes" if _HANGS in what else ""
        raise HairsplitError(
            what,
            where=f"{_place()}, {out}",
            hint=f"see what the others said; `hairsplit train --out {out} --resume` on all ranks goes on from the last "
            f"state, torchrun does so by itself with --max-restarts{slow}",
        ) from None


def _lost(error: RuntimeError, timeout: timedelta) -> str | None:
    """What has become of another rank, if that is what the error is about."""
    said = str(error)
    if not (isinstance(error, dist.DistError) or _TALK.search(said)):
        return None
    if _CLOSED.search(said):
        return "another rank has ended: its connection is closed"
    if _SILENT.search(said):
        minutes = timeout.total_seconds() / 60
        shown = counted(round(minutes), "minute") if minutes >= 1 else f"{timeout.total_seconds():g} seconds"
        return f"another rank {_HANGS}: no answer within {shown}"
    return None


def _place() -> str:
    return f"rank {os.environ.get('RANK', '?')} of {os.environ.get('WORLD_SIZE', '?')}"
