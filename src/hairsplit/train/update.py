"""One optimiser step: forward, the loss of the global batch, backward, clipping."""

import contextlib
import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor

from hairsplit.core.tensors import Batch, Embeddings, LossOutput
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.losses import objectives
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import gather
from hairsplit.train.engines import Replicated
from hairsplit.train.optimizer import set_rate
from hairsplit.train.schedule import learning_rate
from hairsplit.train.step import Towers, to_device

_OVER_NEGATIVES = ("margin", "pair_accuracy")
"""Parts of every objective that are means over the own negatives of a micro-batch."""


class NotFiniteError(Exception):
    """The loss or the gradient of a step is not finite; nothing was changed by it."""


@dataclass(frozen=True)
class Updated:
    """What one optimiser step did."""

    parts: dict[str, float]
    """`loss` and its parts by name, means over the micro-batches."""
    norm: float
    """Of the gradient, before clipping."""


class Update:
    """The optimiser steps of a run.

    Args:
        config: The run's.
        accelerator: The engine.
        encoder: The bare model, in which the modules that learn are in train mode after this.
        towers: The model as the engine wrapped it.
        optimizer: As the engine wrapped it.
        teacher: The frozen start model, where the objective compares with it.
        penalty: The distance from the start, where the objective has one.
        steps: Of the whole run, for the learning rate.
    """

    def __init__(
        self,
        config: TrainConfig,
        accelerator: Replicated,
        encoder: DualEncoder,
        towers: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        teacher: Towers | None,
        penalty: Callable[[], Tensor] | None,
        steps: int,
    ) -> None:
        self.config, self.accelerator, self.encoder = config, accelerator, encoder
        self.towers, self.optimizer = towers, optimizer
        self.teacher, self.penalty, self.steps = teacher, penalty, steps
        self.ranks = accelerator.num_processes

    def __call__(self, micro: list[Batch], step: int) -> Updated:
        """One optimiser step over the micro-batches, `step` of them being done.

        Raises:
            NotFiniteError: The loss or the gradient is not finite.
        """
        config = self.config
        objective = objectives.resolve(config.objective, step)
        set_rate(self.optimizer, learning_rate(config, step, self.steps))
        self.encoder.train()
        sums: dict[str, float] = {"loss": 0.0}
        seen: list[tuple[LossOutput, int]] = []
        for number, batch in enumerate(micro):
            on_device = to_device(batch, self.accelerator.device)
            last = number == len(micro) - 1
            with self.accelerator.no_sync(self.towers) if not last else contextlib.nullcontext():
                z, reference = self._embed(on_device)
                output = objectives.compute(objective, z, reference)
                total = output.total / len(micro)
                if last and self.penalty is not None and objective.l2:
                    penalty = self.penalty()
                    total = total + objective.l2 * penalty
                    sums["l2"] = penalty.item()
                self.accelerator.backward(total)
            sums["loss"] += total.item()
            seen.append((output, int(z.mask.sum())))
        sums = _means(seen) | sums
        if not math.isfinite(sums["loss"]):
            raise NotFiniteError("loss")
        learning = [p for p in self.encoder.parameters() if p.requires_grad]
        norm = self.accelerator.clip(learning, config.clip_norm)
        if not math.isfinite(norm):
            raise NotFiniteError("gradient")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return Updated(sums, norm)

    def _embed(self, batch: Batch) -> tuple[Embeddings, Embeddings | None]:
        """Of the global batch, and the start model's of the same."""
        with torch.autocast(batch.mask.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            z = self.towers(batch)
            reference = self._reference(batch)
        return gather(z, self.ranks), reference

    def _reference(self, batch: Batch) -> Embeddings | None:
        if self.teacher is None:
            return None
        with torch.no_grad():
            return gather(self.teacher(batch), self.ranks)


def frozen(encoder: DualEncoder, accelerator: Accelerator) -> Towers:
    """A copy of the model in which nothing learns, for objectives that compare with it."""
    return Towers(copy.deepcopy(encoder).requires_grad_(False).eval().to(accelerator.device))


def _means(micro: list[tuple[LossOutput, int]]) -> dict[str, float]:
    """Parts of the loss, meaned over the micro-batches; what is a mean over negatives, over all their negatives."""
    found = {}
    for name in micro[0][0].parts:
        values = [(output.parts[name].item(), count if name in _OVER_NEGATIVES else 1) for output, count in micro]
        total = sum(weight for _, weight in values)
        found[name] = sum(value * weight for value, weight in values if weight) / total if total else math.nan
    return found
