"""Which examples each rank sees in each micro-batch: a pure function of the step, so that a run resumes anywhere."""

import contextlib
from collections.abc import Generator, Iterator

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Batch
from hairsplit.core.wording import counted
from hairsplit.data.batches import PairBatches
from hairsplit.data.order import share
from hairsplit.losses import objectives
from hairsplit.train.config import TrainConfig


def planned_steps(config: TrainConfig, batches: PairBatches, ranks: int) -> int:
    """Optimiser steps of the whole run.

    Raises:
        HairsplitError: The batch cannot be cut up, the objective has nothing to work on, or no step is left.
    """
    if config.batch_size % (config.accumulation * ranks):
        raise HairsplitError(
            f"batch_size={config.batch_size} is no multiple of accumulation={config.accumulation} x {ranks} ranks",
            where="batch_size",
            hint="make it a multiple of both",
        )
    if objectives.needs_negatives(config.objective) and not batches.negatives:
        raise HairsplitError(
            f"the objective {config.objective.name!r} needs hard negatives, and no pair has one",
            where=str(config.train),
            hint="use `objective: standard`, or a table with negatives",
        )
    steps = config.steps or config.epochs * len(batches.epoch(0).batches)
    if not steps:
        raise HairsplitError("an epoch has no full batch", where="batch_size", hint="lower batch_size")
    if config.warmup_steps is not None and config.warmup_steps >= steps:
        raise HairsplitError(
            f"warmup_steps={config.warmup_steps} leaves no training: the run has {counted(steps, 'step')}",
            where="warmup_steps",
            hint="lower it, or set more epochs, or steps",
        )
    return steps


class Plan:
    """The order of a run's batches.

    Args:
        batches: Of the training table.
        accumulation: Micro-batches of a step.
        rank: Of this process.
        ranks: Processes that share each micro-batch.
    """

    def __init__(self, batches: PairBatches, *, accumulation: int, rank: int, ranks: int) -> None:
        self._batches = batches
        self._parts, self._rank, self._ranks = accumulation, rank, ranks
        self._lengths: dict[int, int] = {}  # of epochs, in steps

    def length(self, epoch: int) -> int:
        """Steps of an epoch; they differ where kinds are weighted."""
        if epoch not in self._lengths:
            self._lengths[epoch] = len(self._batches.epoch(epoch).batches)
        return self._lengths[epoch]

    def position(self, step: int) -> tuple[int, int]:
        """(epoch, batch of the epoch) of a step."""
        epoch = 0
        while step >= (length := self.length(epoch)):
            step -= length
            epoch += 1
        return epoch, step

    def left_over(self, step: int) -> int:
        """Examples for which the epoch of a step has no full batch."""
        return self._batches.epoch(self.position(step)[0]).left_over

    def numbers(self, start: int, end: int) -> Iterator[list[int]]:
        """Example numbers of each micro-batch of this rank, of the steps from `start` up to `end`."""
        epoch, index = self.position(start)
        for _ in range(start, end):
            row = self._batches.epoch(epoch).batches[index]
            for part in range(self._parts):
                yield share(row, part=part, parts=self._parts, rank=self._rank, ranks=self._ranks)
            index += 1
            if index == self.length(epoch):
                epoch, index = epoch + 1, 0

    def steps(self, start: int, end: int) -> Generator[list[Batch], None, None]:
        """The micro-batches of each step; close it when they are not all taken."""
        held: list[Batch] = []
        with contextlib.closing(self._batches.ahead(self.numbers(start, end))) as batches:
            for batch in batches:
                held.append(batch)
                if len(held) == self._parts:
                    yield held
                    held = []
