"""Ranks: the engine, and the embeddings of all of them, so that losses see the global batch and never know a rank."""

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from torch import Tensor
from torch.autograd.function import once_differentiable

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings
from hairsplit.train.elastic import meet_again
from hairsplit.train.engines.launcher import asked, without_plugins
from hairsplit.train.patience import USUAL


def engine(timeout: timedelta = USUAL) -> Accelerator:
    """The engine (accelerate) of this process: its device and its place among the ranks.

    Precision is the loop's own affair (`torch.autocast`): accelerate fixes one for the life of a process, in which
    runs of either precision may follow one another.

    Args:
        timeout: How long a rank waits for an answer of the others; the first engine of a process decides.

    Raises:
        HairsplitError: Its launcher was told to do what no engine does here, or started more processes than came
            together.
    """
    asked()
    started = int(os.environ.get("WORLD_SIZE", "1"))
    # without an accelerator, accelerate lets each process of torchrun train alone unless told of the CPU
    on_cpu = started > 1 and not torch.accelerator.is_available()
    if started > 1:
        meet_again(timeout)
    handlers: list[Any] = [InitProcessGroupKwargs(timeout=timeout)]
    with without_plugins():
        made = Accelerator(cpu=on_cpu, mixed_precision="no", kwargs_handlers=handlers)
    if made.num_processes != started:
        raise HairsplitError(
            f"the launcher started {started} processes, and {made.num_processes} came together",
            where="WORLD_SIZE",
            hint="look at the launcher's configuration; torchrun needs none",
        )
    return made


def any_rank(flag: bool, device: torch.device, ranks: int) -> bool:
    """Whether `flag` is set on any rank: a signal reaches them between different steps."""
    if ranks == 1:
        return flag
    flags = torch.tensor(int(flag), device=device)
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags.item())


def total(count: int, *, device: torch.device, ranks: int) -> int:
    """The sum over the ranks, on each of them."""
    if ranks == 1:
        return count
    counts = torch.tensor(count, device=device)
    dist.all_reduce(counts)
    return int(counts.item())


def gather(z: Embeddings, ranks: int) -> Embeddings:
    """The embeddings of all ranks in rank order, B growing to ranks x B; every rank must hold equally many.

    Each rank then computes the same loss. The gather's backward adds up the ranks' gradients and DDP averages them, so
    that the parameters' gradient is that of one process on the whole batch.
    """
    if ranks == 1:
        return z
    return replace(
        z,
        image=_with_gradient(z.image, ranks),
        positive=_with_gradient(z.positive, ranks),
        negative=_with_gradient(z.negative, ranks),
        mask=_plain(z.mask.to(torch.uint8), ranks).bool(),
        image_keys=None if z.image_keys is None else _plain(z.image_keys, ranks),
        caption_keys=None if z.caption_keys is None else _plain(z.caption_keys, ranks),
        local_positive=None if z.local_positive is None else _with_gradient(z.local_positive, ranks),
        local_negative=None if z.local_negative is None else _with_gradient(z.local_negative, ranks),
        kinds=None if z.kinds is None else _plain(z.kinds, ranks),
    )


class _AllGather(torch.autograd.Function):
    """[B, ...] of each rank -> [ranks * B, ...] on every rank; backward, the sum of all ranks' gradients of one's own.

    torch.distributed.nn has the same, but deprecated.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: int) -> Tensor:
        ctx.rows = len(x)
        return _plain(x, ranks)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        if total.numel():
            dist.all_reduce(total)
        start = ctx.rows * dist.get_rank()
        return total[start : start + ctx.rows], None


def _with_gradient(x: Tensor, ranks: int) -> Tensor:
    gathered: Tensor = _AllGather.apply(x, ranks)  # type: ignore[no-untyped-call]
    return gathered


def _plain(x: Tensor, ranks: int) -> Tensor:
    parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(ranks)]
    if x.numel():  # a table without negatives has none to gather
        dist.all_gather(parts, x.contiguous())
    return torch.cat(parts)
