"""What fails on one rank fails on all of them, with the same words: none waits for one that has gone."""

import contextlib
from collections.abc import Iterator

import torch
import torch.distributed as dist
from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError

_BYTES = 4_096
"""Most room for the words of an error on their way to the other ranks."""


@contextlib.contextmanager
def together(accelerator: Accelerator) -> Iterator[None]:
    """A block that all ranks enter and leave together; there must be no collective operation in what may fail.

    Raises:
        HairsplitError: On all ranks, that of the last rank on which the block raised one.
    """
    problem = None
    try:
        yield
    except HairsplitError as error:
        if accelerator.num_processes == 1:
            raise
        problem = error
    if accelerator.num_processes == 1:
        return
    culprit = _culprit(accelerator, failed=problem is not None)
    if culprit is None:
        return
    told = _told(accelerator, culprit, problem)
    if problem is not None and culprit == accelerator.process_index:
        raise problem
    raise told


def _culprit(accelerator: Accelerator, *, failed: bool) -> int | None:
    flag = torch.tensor(accelerator.process_index + 1 if failed else 0, device=accelerator.device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return int(flag.item()) - 1 if flag.item() else None


def _told(accelerator: Accelerator, culprit: int, problem: HairsplitError | None) -> HairsplitError:
    """The error of the rank `culprit`, as bytes: nothing of another process is unpickled."""
    room = torch.zeros(_BYTES, dtype=torch.uint8)
    if problem is not None and culprit == accelerator.process_index:
        parts = (problem.message, problem.where, problem.hint)
        words = "\0".join(part.replace("\0", "")[: _BYTES // 12] for part in parts).encode()  # 4 bytes a letter at most
        room[: len(words)] = torch.tensor(list(words), dtype=torch.uint8)
    sent = room.to(accelerator.device)
    dist.broadcast(sent, culprit)
    message, where, hint, *_ = bytes(sent.tolist()).decode().split("\0")
    return HairsplitError(message, where=where, hint=hint)
