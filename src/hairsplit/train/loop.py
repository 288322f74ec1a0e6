"""The training loop: steps, validation, checkpoints, and a resumed run that equals an uninterrupted one."""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import torch
from accelerate.tracking import GeneralTracker
from accelerate.utils import set_seed
from pydantic import TypeAdapter

from hairsplit.core.errors import HairsplitError, StoppedError
from hairsplit.core.run import write_json
from hairsplit.core.wording import counted
from hairsplit.data.batches import PairBatches
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.trainable import TrainableTable, parameter_groups, set_trainable
from hairsplit.losses import objectives
from hairsplit.train import stopping, tracking
from hairsplit.train.checkpoint import MetricsLog, TrainState, has_state, load_state, save_state
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import any_rank, engine
from hairsplit.train.penalty import L2ToStart
from hairsplit.train.plan import Plan
from hairsplit.train.progress import Bar, stoppable
from hairsplit.train.schedule import learning_rate
from hairsplit.train.step import Towers
from hairsplit.train.stopping import METRIC, Limits, Standing
from hairsplit.train.tracking import Tracking
from hairsplit.train.update import NotFiniteError, Update, Updated, frozen

Validate = Callable[[DualEncoder], Mapping[str, float]]


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
    stopped: str | None = None
    """Why it ended before its last step, if it did."""
    forgot_at: int | None = None
    """Step of the first validation beyond the forgetting budget, if there was one."""
    tracker_failures: Mapping[str, int] = field(default_factory=dict)
    """Tracker -> rows that it did not take."""


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
        trackers: Sequence[GeneralTracker] = (),
    ) -> None:
        """`trackers`: of one's own, beside those that the configuration names."""
        self.config, self.encoder, self.batches, self.out = config, encoder, batches, out
        self.validate, self.config_hash = validate, config_hash
        self.accelerator = engine()
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
        if config.warmup_steps is not None and config.warmup_steps >= self.steps:
            raise HairsplitError(
                f"warmup_steps={config.warmup_steps} leaves no training: the run has {counted(self.steps, 'step')}",
                where="warmup_steps",
                hint="lower it, or set more epochs, or steps",
            )
        _refuse_broken(encoder, config.model)
        self.start_hash = encoder.parameters_hash()
        self.table = set_trainable(encoder, config.trainable, freeze_logit_scale=config.freeze_logit_scale)
        self.teacher = frozen(encoder, self.accelerator) if objectives.needs_teacher(config.objective) else None
        self.penalty: L2ToStart | None = None
        self.best: dict[str, Any] | None = None
        self.limits = Limits(config.forgetting_budget, config.on_forgetting, config.patience)
        self.standing = Standing()
        self.own_trackers, self.tracking = trackers, Tracking()
        self.step = 0
        self._saved_step: int | None = None
        rank = self.accelerator.process_index
        self.plan = Plan(batches, accumulation=config.accumulation, rank=rank, ranks=ranks)
        self._clock = (0.0, 0)  # when the last line of the log was written, and at which step

    def fit(self, *, resume: bool) -> Summary:
        """Train to the end, or until the user asks to stop.

        Raises:
            HairsplitError: A loss is not finite (the last good checkpoint is named).
            StoppedError: The user asked to stop; everything up to the last whole step is saved.
        """
        started = time.perf_counter()
        set_seed(self.config.seed)  # Python's, NumPy's and torch's generators
        self.encoder.to(self.accelerator.device)
        if objectives.resolve(self.config.objective, 0).l2:
            self.penalty = L2ToStart(self.encoder.named_parameters())
        groups = parameter_groups(self.encoder, self.config.weight_decay)
        optimizer = torch.optim.AdamW(groups, lr=self.config.lr, betas=(0.9, 0.98), eps=1e-6)
        goes_on = resume and has_state(self.out)  # killed before its first checkpoint, a run begins anew
        keep = self._resume(optimizer) if goes_on else 0
        towers, prepared = self.accelerator.prepare(Towers(self.encoder), optimizer)
        log = MetricsLog(self.out, keep) if self.accelerator.is_main_process else None
        try:
            self._track(goes_on=goes_on)
            if not goes_on:
                if log is not None:
                    write_json(self.out / "trainable.json", self.table.as_dict())
                self._validated(log)
            update = Update(
                self.config,
                self.accelerator,
                self.encoder,
                towers,
                prepared,
                teacher=self.teacher,
                penalty=self.penalty,
                steps=self.steps,
            )
            self._steps(update, log)
        finally:
            if log is not None:
                log.close()
            self.tracking.close()
            self.batches.close()
        return Summary(
            self.out,
            self.step,
            self.best,
            time.perf_counter() - started,
            self.plan.left_over(self.step - 1),
            self.table,
            stopped=self.standing.stopped,
            forgot_at=self.standing.forgot_at,
            tracker_failures=dict(self.tracking.failures),
        )

    def _track(self, *, goes_on: bool) -> None:
        self.tracking = tracking.start(
            self.accelerator,
            self.config.trackers,
            self.out,
            project=self.config.tracker_project,
            run=self.config.tracker_run,
            hyper=TypeAdapter(TrainConfig).dump_python(self.config, mode="json"),
            step=self.step if goes_on else None,
            own=self.own_trackers,
        )

    def _steps(self, update: Update, log: MetricsLog | None) -> None:
        """The steps that are left."""
        if self.standing.stopped is not None:  # a stopped run that is resumed has nothing left to do
            return
        config, device = self.config, self.accelerator.device
        label = f"{config.objective.name} on {len(self.batches.examples):,} examples"
        self._clock = (time.perf_counter(), self.step)
        with (
            stoppable() as stop,
            Bar(label, self.steps, done=self.step, shown=log is not None) as bar,
            contextlib.closing(self.plan.steps(self.step, self.steps)) as steps,
        ):
            for micro in steps:
                try:
                    done = update(micro, self.step)
                except NotFiniteError as what:
                    self._not_finite(str(what), self.step + 1)
                self.step += 1
                self._logged(log, done)
                bar.step(f"loss {done.parts['loss']:.3f}  margin {done.parts['margin']:+.3f}")
                paused = time.perf_counter()
                ended = self.step == self.steps
                asked = any_rank(stop.asked, device, self.ranks) and not ended
                due = ended or self.step % config.validate_every == 0
                if due:
                    self._validated(log)
                    ended = any_rank(self.standing.stopped is not None, device, self.ranks) or ended
                if due or asked or self.step % config.save_every == 0:
                    self._saved(update.optimizer, log)
                if ended:
                    return
                if asked:
                    raise StoppedError(
                        f"stopped at step {self.step} of {self.steps} as asked",
                        where=str(self.out),
                        hint=f"hairsplit train --out {self.out} --resume goes on from there",
                    )
                self._clock = (self._clock[0] + time.perf_counter() - paused, self._clock[1])

    def _not_finite(self, what: str, step: int) -> NoReturn:
        """A checkpoint is good if the step after it had a finite loss."""
        folder, best = self.out / "checkpoints", self.best
        if self._saved_step is not None and self._saved_step < self.step:
            good = f"{folder / 'last'} (step {self._saved_step})"
        elif best is not None and best["step"] < self.step:
            good = f"{folder / 'best'} (step {best['step']})"
        else:
            good = f"the one it started from, {self.config.model}"
        raise HairsplitError(
            f"the {what} is not finite at step {step}; the last good model is {good}",
            where=str(self.out),
            hint="start a new run, from that model if you like, with a lower lr, a longer warm-up, or clip_norm",
        )

    def _logged(self, log: MetricsLog | None, done: Updated) -> None:
        if self.step % self.config.log_every and self.step not in {1, self.steps}:
            return
        (since, first), now = self._clock, time.perf_counter()
        self._clock = (now, self.step)
        if log is not None:
            rate = learning_rate(self.config, self.step - 1, self.steps)
            speed = (self.step - first) * self.config.batch_size / max(now - since, 1e-9)
            row = {
                "kind": "train",
                "step": self.step,
                **done.parts,
                "lr": rate,
                "grad_norm": done.norm,
                "images_per_s": speed,
            }
            log.write(row)
            self.tracking.log(row)

    def _validated(self, log: MetricsLog | None) -> None:
        """Validate on the main process; keep the best model."""
        if self.validate is not None and log is not None:
            self.encoder.eval()
            row = dict(self.validate(self.encoder))
            logged = {"kind": "validation", "step": self.step, **row}
            log.write(logged)
            self.tracking.log(logged)
            verdict = stopping.judge(self.standing, row, self.step, self.limits)
            self.standing = verdict.standing
            if verdict.warning is not None:
                print(verdict.warning, file=sys.stderr)  # noqa: T201
            if verdict.better:
                self.best = {"metric": METRIC, "value": row[METRIC], "step": self.step}
                dual_encoder.save(self.encoder, self.out / "checkpoints" / "best")
        self.accelerator.wait_for_everyone()

    def _saved(self, optimizer: torch.optim.Optimizer, log: MetricsLog | None) -> None:
        if not all(bool(torch.isfinite(p).all()) for p in self.encoder.parameters()):
            self._not_finite("model", self.step)
        if log is not None:
            dual_encoder.save(self.encoder, self.out / "checkpoints" / "last")
            model = {name: value.detach().cpu() for name, value in self.encoder.state_dict().items()}
            state = TrainState(
                self.step,
                model,
                optimizer.state_dict(),
                self.best,
                self.config_hash,
                self.start_hash,
                log.bytes,
                stopping.as_state(self.standing),
            )
            save_state(self.out, state)
        self._saved_step = self.step
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
        self.step = self._saved_step = state.step
        self.best = state.best
        self.standing = stopping.from_state(state.standing)
        return state.log_bytes


def _refuse_broken(encoder: DualEncoder, name: str) -> None:
    bad = [tensor for tensor, value in encoder.named_parameters() if not torch.isfinite(value).all()]
    if bad:
        raise HairsplitError(
            f"{counted(len(bad), 'tensor')} of the start model with numbers that are not finite, the first is {bad[0]}",
            where=name,
            hint="get the model again, or start from another one",
        )
