"""One optimiser step: forward, the loss of the global batch, backward, clipping."""

import contextlib
import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from hairsplit.core.run import number as derived
from hairsplit.core.tensors import Batch, Embeddings, LossOutput
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.losses import objectives
from hairsplit.losses.objectives import Objective
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import gather
from hairsplit.train.engines import Replicated
from hairsplit.train.gradient_norms import PENALTY, TermGradients
from hairsplit.train.optimizer import set_rate
from hairsplit.train.schedule import learning_rate
from hairsplit.train.step import Towers, frozen_fields, to_device
from hairsplit.train.two_pass import first_pass, gradients, second_pass

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
    term_norms: dict[str, float] = field(default_factory=dict)
    """`grad_norm/TERM` -> norm of that term's gradient, at steps where it is asked for."""


@dataclass(frozen=True)
class _Micro:
    """One micro-batch of a step."""

    objective: Objective
    batch: Batch
    count: int
    """Micro-batches of the step."""
    last: bool
    terms: TermGradients | None


@dataclass(frozen=True)
class _Seen:
    """What came of a micro-batch."""

    output: LossOutput
    loss: float
    """Its share in the step's, with the penalty in the last one."""
    negatives: int
    penalty: float | None


@dataclass(frozen=True)
class _Penalty:
    weighted: Tensor
    value: float
    """Before weighting."""


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
        carry: What the losses hand on from batch to batch, of the run so far; changed in place by each step.
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
        carry: dict[str, Tensor] | None = None,
    ) -> None:
        self.carry: dict[str, Tensor] = {} if carry is None else carry
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
        # each rank's dropout follows from the step: a state holds the generators of the first rank alone
        torch.manual_seed(derived(config.seed, "step", step, self.accelerator.process_index))
        self.encoder.train()
        learning = [p for p in self.encoder.parameters() if p.requires_grad]
        asked = config.log_gradient_norms and is_logged(config, step + 1, self.steps)
        terms = TermGradients(learning, self.ranks) if asked else None
        seen = []
        for number, batch in enumerate(micro):
            one = _Micro(objective, batch, len(micro), number == len(micro) - 1, terms)
            large = config.chunk is not None and len(batch.mask) > config.chunk
            seen.append(self._two_passes(one, config.chunk or 0) if large else self._one_pass(one))
        sums = _means([(one.output, one.negatives) for one in seen]) | {"loss": sum(one.loss for one in seen)}
        if (penalty := seen[-1].penalty) is not None:
            sums[PENALTY] = penalty
        if not math.isfinite(sums["loss"]):
            raise NotFiniteError("loss")
        norm = self.accelerator.clip(learning, config.clip_norm)
        if not math.isfinite(norm):
            raise NotFiniteError("gradient")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return Updated(sums, norm, {} if terms is None else terms.norms())

    def _one_pass(self, micro: _Micro) -> _Seen:
        """Add the gradient of a micro-batch, all of it at once."""
        with self._exchanged(micro.last):
            z, reference = self._embed(to_device(micro.batch, self.accelerator.device))
            output, negatives = self._loss(micro, z, reference)
            total = output.total / micro.count
            penalty = self._penalty(micro)
            if micro.terms is not None:
                micro.terms.add({name: term / micro.count for name, term in output.terms.items()})
            if penalty is not None:
                total = total + penalty.weighted
            self.accelerator.backward(total)
        return _Seen(output, total.item(), negatives, None if penalty is None else penalty.value)

    def _two_passes(self, micro: _Micro, chunk: int) -> _Seen:
        """The same for a batch whose activations are held for one chunk at a time; see `two_pass`."""
        device = self.accelerator.device
        first = first_pass(
            micro.batch, chunk, lambda part: self._embed(to_device(part, device)), device, frozen_fields(self.encoder)
        )
        output, negatives = self._loss(micro, first.z, first.reference)
        of_terms = {
            name: gradients(first.z, term / micro.count, retain=True)
            for name, term in output.terms.items()
            if micro.terms is not None
        }
        total = output.total / micro.count
        whole = gradients(first.z, total)
        penalty = None
        for part in second_pass(first, micro.batch, chunk, device):
            with self._exchanged(micro.last and part.last):
                outputs = part.outputs(self._towers(to_device(part.batch, device), part.known))
                loss = part.loss(outputs, whole)
                if micro.terms is not None:
                    micro.terms.add({name: part.loss(outputs, of_term) for name, of_term in of_terms.items()})
                if part.last and (penalty := self._penalty(micro)) is not None:
                    loss = loss + penalty.weighted
                self.accelerator.backward(loss)
        if penalty is None:
            return _Seen(output, total.item(), negatives, None)
        return _Seen(output, (total + penalty.weighted).item(), negatives, penalty.value)

    def _loss(self, micro: _Micro, z: Embeddings, reference: Embeddings | None) -> tuple[LossOutput, int]:
        """Of the global batch, and the number of its negatives."""
        whole = gather(z, self.ranks)
        teacher = None if reference is None else gather(reference, self.ranks)
        output = objectives.compute(micro.objective, replace(whole, carry=self.carry), teacher)
        self.carry.update(output.carry)
        return output, int(whole.mask.sum())

    def _penalty(self, micro: _Micro) -> _Penalty | None:
        """The distance from the start, which counts once a step; its gradient is noted if asked for."""
        if not micro.last or self.penalty is None or not micro.objective.l2:
            return None
        penalty = self.penalty()
        weighted = micro.objective.l2 * penalty
        if micro.terms is not None:
            micro.terms.add({PENALTY: weighted})
        return _Penalty(weighted, penalty.item())

    def _exchanged(self, now: bool) -> contextlib.AbstractContextManager[Any]:
        """Within it, a backward pass exchanges the ranks' gradients, or leaves that to a later one."""
        return contextlib.nullcontext() if now else self.accelerator.no_sync(self.towers)

    def _autocast(self) -> torch.autocast:
        device = self.accelerator.device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _towers(self, batch: Batch, known: Embeddings | None = None) -> Embeddings:
        with self._autocast():
            z: Embeddings = self.towers(batch) if known is None else self.towers(batch, known)
        return z

    def _embed(self, batch: Batch) -> tuple[Embeddings, Embeddings | None]:
        """Of this rank's batch, and the start model's of the same."""
        z = self._towers(batch)
        if self.teacher is None:
            return z, None
        with torch.no_grad(), self._autocast():
            return z, self.teacher(batch)


def is_logged(config: TrainConfig, step: int, steps: int) -> bool:
    """Whether there is a line in the log of a step, counted from 1, of a run of so many."""
    return step % config.log_every == 0 or step in {1, steps}


def frozen(encoder: DualEncoder, accelerator: Accelerator) -> Towers:
    """A copy of the model in which nothing learns, for objectives that compare with it."""
    return Towers(copy.deepcopy(encoder).requires_grad_(False).eval().to(accelerator.device))


def begin_learned(encoder: DualEncoder, objective: objectives.AnySpec) -> None:
    """Give the encoder the scalars that the objective learns beside it, at their first values, in place of any."""
    scale = next(encoder.parameters())
    first = objectives.learned(objective).items()
    encoder.learned = torch.nn.ParameterDict(
        {name: torch.nn.Parameter(torch.tensor(value, dtype=scale.dtype, device=scale.device)) for name, value in first}
    )


def _means(micro: list[tuple[LossOutput, int]]) -> dict[str, float]:
    """Parts of the loss, meaned over the micro-batches; what is a mean over negatives, over all their negatives."""
    found = {}
    for name in micro[0][0].parts:
        values = [(output.parts[name].item(), count if name in _OVER_NEGATIVES else 1) for output, count in micro]
        total = sum(weight for _, weight in values)
        found[name] = sum(value * weight for value, weight in values if weight) / total if total else math.nan
    return found
