"""The training loop: steps, validation, checkpoints, and a resumed run that equals an uninterrupted one."""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import write_json
from hairsplit.core.tensors import Batch, Embeddings, LossOutput
from hairsplit.data.batches import PairBatches
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.trainable import TrainableTable, parameter_groups, set_trainable
from hairsplit.losses import objectives
from hairsplit.train.checkpoint import MetricsLog, TrainState, load_state, save_state
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import gather
from hairsplit.train.penalty import L2ToStart
from hairsplit.train.progress import Bar, stoppable
from hairsplit.train.step import Towers, to_device

Validate = Callable[[DualEncoder], Mapping[str, float]]
METRIC = "macro_pair_accuracy"
"""Validation metric by which the best checkpoint is chosen; an earlier one wins a tie."""


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    out: Path
    steps: int
    best: dict[str, Any] | None
    """{metric, value, step}, None without validation."""
    seconds: float
    left_over: int
    """Examples an epoch (the last one) had no full batch for."""
    trainable: TrainableTable


class Trainer:
    """One run's state; `fit` is the whole of its interface."""

    def __init__(
        self,
        config: TrainConfig,
        encoder: DualEncoder,
        batches: PairBatches,
        *,
        out: Path,
        config_hash: str,
        validate: Validate | None,
    ) -> None:
        self.config, self.encoder, self.batches, self.out = config, encoder, batches, out
        self.validate, self.config_hash = validate, config_hash
        self.accelerator = Accelerator(mixed_precision="bf16" if config.precision == "bf16" else "no")
        ranks = self.accelerator.num_processes
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
        self.ranks = ranks
        self.steps = config.steps or config.epochs * len(batches.epoch(0).batches)
        if not self.steps:
            raise HairsplitError("an epoch has no full batch", where="batch_size", hint="lower batch_size")
        torch.manual_seed(config.seed)
        self.start_hash = encoder.parameters_hash()
        self.table = set_trainable(encoder, config.trainable, freeze_logit_scale=config.freeze_logit_scale)
        self.teacher = _teacher(encoder, self.accelerator) if objectives.needs_teacher(config.objective) else None
        self.penalty: L2ToStart | None = None
        self.best: dict[str, Any] | None = None
        self.step = 0

    def fit(self, *, resume: bool) -> Summary:
        """Train to the end, or until the user asks to stop.

        Raises:
            HairsplitError: A loss is not finite (the last good checkpoint is named), or the run was interrupted.
        """
        started = time.perf_counter()
        self.encoder.to(self.accelerator.device)
        if objectives.resolve(self.config.objective, 0).l2:
            self.penalty = L2ToStart(self.encoder.named_parameters())
        groups = parameter_groups(self.encoder, self.config.weight_decay)
        optimizer = torch.optim.AdamW(groups, lr=self.config.lr, betas=(0.9, 0.98), eps=1e-6)
        keep = self._resume(optimizer) if resume else 0
        towers, prepared = self.accelerator.prepare(Towers(self.encoder), optimizer)
        log = MetricsLog(self.out, keep) if self.accelerator.is_main_process else None
        if not resume:
            write_json(self.out / "trainable.json", self.table.as_dict())
            self._validated(log)
        label = f"{self.config.objective.name} on {len(self.batches.examples):,} examples"
        with stoppable() as stop, Bar(label, self.steps, done=self.step, shown=log is not None) as bar:
            plan = self._plan()
            seen = time.perf_counter()
            for micro in self._micro_batches(plan):
                output, norm = self._optimise(towers, prepared, micro)
                self.step += 1
                seen = self._logged(log, output, norm, seen)
                bar.step(f"loss {output['loss']:.3f}  margin {output['margin']:+.3f}")
                due = self.step % self.config.validate_every == 0 or self.step == self.steps
                if due:
                    self._validated(log)
                if due or stop.asked or self.step % self.config.save_every == 0:
                    self._saved(optimizer, log)
                if stop.asked and self.step < self.steps:
                    self._close(log)
                    raise HairsplitError(
                        f"stopped at step {self.step} of {self.steps} as asked",
                        where=str(self.out),
                        hint="the same command with --resume goes on from there",
                    )
        self._close(log)
        left_over = self.batches.epoch(self._position(self.step - 1)[0]).left_over
        return Summary(self.out, self.step, self.best, time.perf_counter() - started, left_over, self.table)

    def _position(self, step: int) -> tuple[int, int]:
        """(epoch, batch of the epoch) of a step; epochs can differ in length where kinds are weighted."""
        epoch = 0
        while step >= (length := len(self.batches.epoch(epoch).batches)):
            if not length:
                raise HairsplitError(f"epoch {epoch} has no full batch", where="batch_size", hint="lower batch_size")
            step -= length
            epoch += 1
        return epoch, step

    def _plan(self) -> Iterator[list[int]]:
        """Example numbers of each micro-batch of this rank, from the current step to the last."""
        epoch, index = self._position(self.step)
        rank, parts = self.accelerator.process_index, self.config.accumulation * self.ranks
        size = self.config.batch_size // parts
        for _ in range(self.step, self.steps):
            order = self.batches.epoch(epoch).batches
            for part in range(self.config.accumulation):
                start = (part * self.ranks + rank) * size
                yield order[index, start : start + size].tolist()
            index += 1
            if index == len(order):
                epoch, index = epoch + 1, 0

    def _micro_batches(self, plan: Iterator[list[int]]) -> Iterator[list[Batch]]:
        held: list[Batch] = []
        for batch in self.batches.ahead(plan):
            held.append(batch)
            if len(held) == self.config.accumulation:
                yield held
                held = []

    def _optimise(
        self, towers: torch.nn.Module, optimizer: torch.optim.Optimizer, micro: list[Batch]
    ) -> tuple[dict[str, float], float]:
        """One optimiser step over the micro-batches; returns the mean of the loss and its parts, and the norm."""
        config = self.config
        objective = objectives.resolve(config.objective, self.step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(config, self.step, self.steps)
        self.encoder.train()
        sums: dict[str, float] = {}
        for number, batch in enumerate(micro):
            on_device = to_device(batch, self.accelerator.device)
            last = number == len(micro) - 1
            with self.accelerator.no_sync(towers) if not last else contextlib.nullcontext():
                with self.accelerator.autocast():
                    z = towers(on_device)
                    reference = self._reference(on_device)
                output = objectives.compute(objective, gather(z, self.ranks), reference)
                total = output.total / len(micro)
                if last and self.penalty is not None and objective.l2:
                    penalty = self.penalty()
                    total = total + objective.l2 * penalty
                    sums["l2"] = penalty.item()
                self.accelerator.backward(total)
            _add(sums, output, total, len(micro))
        if not math.isfinite(sums["loss"]):
            self._not_finite()
        learning = [p for p in self.encoder.parameters() if p.requires_grad]
        norm = torch.nn.utils.clip_grad_norm_(learning, config.clip_norm or math.inf)
        if not torch.isfinite(norm):
            self._not_finite()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return sums, norm.item()

    def _reference(self, batch: Batch) -> Embeddings | None:
        if self.teacher is None:
            return None
        with torch.no_grad():
            return gather(self.teacher(batch), self.ranks)

    def _not_finite(self) -> None:
        last = self.out / "checkpoints" / "last"
        good = f"the last good model is {last}" if last.exists() else "no checkpoint had been written yet"
        raise HairsplitError(
            f"the loss is not finite at step {self.step + 1}; {good}",
            where=str(self.out),
            hint="lower lr, lengthen warmup_steps, or set clip_norm",
        )

    def _logged(self, log: MetricsLog | None, output: dict[str, float], norm: float, seen: float) -> float:
        if self.step % self.config.log_every and self.step not in {1, self.steps}:
            return seen
        now = time.perf_counter()
        since = self.step % self.config.log_every or self.config.log_every
        if log is not None:
            rate = learning_rate(self.config, self.step - 1, self.steps)
            speed = since * self.config.batch_size / max(now - seen, 1e-9)
            log.write(
                {"kind": "train", "step": self.step, **output, "lr": rate, "grad_norm": norm, "images_per_s": speed}
            )
        return now

    def _validated(self, log: MetricsLog | None) -> None:
        """Validate on the main process; keep the best model."""
        if self.validate is not None and log is not None:
            self.encoder.eval()
            row = dict(self.validate(self.encoder))
            log.write({"kind": "validation", "step": self.step, **row})
            if METRIC in row and (self.best is None or row[METRIC] > self.best["value"]):
                self.best = {"metric": METRIC, "value": row[METRIC], "step": self.step}
                dual_encoder.save(self.encoder, self.out / "checkpoints" / "best")
        self.accelerator.wait_for_everyone()

    def _saved(self, optimizer: torch.optim.Optimizer, log: MetricsLog | None) -> None:
        if log is not None:
            dual_encoder.save(self.encoder, self.out / "checkpoints" / "last")
            model = {name: value.detach().cpu() for name, value in self.encoder.state_dict().items()}
            state = TrainState(
                self.step, model, optimizer.state_dict(), self.best, self.config_hash, self.start_hash, log.bytes
            )
            save_state(self.out, state)
        self.accelerator.wait_for_everyone()

    def _resume(self, optimizer: torch.optim.Optimizer) -> int:
        """Load the state over the start model; returns the length of the log to keep."""
        state = load_state(self.out, config_hash=self.config_hash)
        if state.start_hash != self.start_hash:
            raise HairsplitError(
                "the model that the run started from has changed since",
                where=self.config.model,
                hint="put it back, or start a new run",
            )
        self.encoder.load_state_dict(state.model)
        optimizer.load_state_dict(state.optimizer)
        self.step, self.best = state.step, state.best
        return state.log_bytes

    def _close(self, log: MetricsLog | None) -> None:
        if log is not None:
            log.close()
        self.batches.close()


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Of the optimiser step after `step` steps: linear warm-up, then a half cosine to zero (or constant)."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.lr * 0.5 * (1 + math.cos(math.pi * progress))


def _teacher(encoder: DualEncoder, accelerator: Accelerator) -> Towers:
    frozen = copy.deepcopy(encoder).requires_grad_(False).eval().to(accelerator.device)
    return Towers(frozen)


def _add(sums: dict[str, float], output: LossOutput, total: Tensor, parts: int) -> None:
    sums["loss"] = sums.get("loss", 0.0) + total.item()
    for name, value in output.parts.items():
        sums[name] = sums.get(name, 0.0) + value.item() / parts
