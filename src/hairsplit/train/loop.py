"""The training loop: steps, validation, checkpoints, and a resumed run that equals an uninterrupted one."""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from accelerate.tracking import GeneralTracker
from accelerate.utils import set_seed
from pydantic import TypeAdapter

from hairsplit.core.errors import HairsplitError, StoppedError
from hairsplit.core.run import write_json
from hairsplit.data.batches import PairBatches
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.trainable import TrainableTable, set_trainable
from hairsplit.losses import objectives
from hairsplit.train import stopping, tracking
from hairsplit.train.activation_checkpointing import checkpoint_activations
from hairsplit.train.averaging import Average
from hairsplit.train.checkpoint import MetricsLog, TrainState, has_state, load_state
from hairsplit.train.compilation import compile_blocks
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import any_rank, engine, total
from hairsplit.train.engines import choose
from hairsplit.train.frozen_work import FrozenWork
from hairsplit.train.optimizer import groups_table, make_optimizer
from hairsplit.train.patience import first_alone
from hairsplit.train.plan import Plan, planned_steps
from hairsplit.train.progress import Bar, stoppable
from hairsplit.train.saving import refuse_broken, refuse_not_finite, save_best, save_last, save_resumable
from hairsplit.train.schedule import learning_rate
from hairsplit.train.sharded_state import Saved, drop_shards
from hairsplit.train.stopping import METRIC, Limits, Standing
from hairsplit.train.throughput import Throughput
from hairsplit.train.together import together
from hairsplit.train.tracking import Tracking
from hairsplit.train.update import NotFiniteError, Update, Updated, begin_learned, frozen, is_logged

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
    ema: float | None = None
    """Decay of the moving average that the saved models hold; None: they hold the weights themselves."""


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
        self.timeout = timedelta(minutes=config.timeout_minutes)
        self.accelerator = engine(self.timeout)
        self.engine = choose(config.engine, self.accelerator)
        ranks = self.accelerator.num_processes
        self.ranks = ranks
        self.steps = planned_steps(config, batches, ranks)
        refuse_broken(encoder, config.model)
        self.start_hash = encoder.parameters_hash()
        self.teacher = frozen(encoder, self.accelerator) if objectives.needs_teacher(config.objective) else None
        self.table = set_trainable(
            encoder,
            config.trainable,
            freeze_logit_scale=config.freeze_logit_scale,
            lora=config.lora,
            seed=config.seed,
        )
        begin_learned(encoder, config.objective)
        if config.activation_checkpointing:
            checkpoint_activations(encoder)
        self.carry: dict[str, torch.Tensor] = {}
        self.frozen = FrozenWork(config, encoder, self.teacher, self.accelerator.device)
        batches.known = self.frozen.pictures
        self.average: Average | None = None
        self.best: dict[str, Any] | None = None
        self.limits = Limits(config.forgetting_budget, config.on_forgetting, config.patience)
        self.standing = Standing()
        self.own_trackers, self.tracking = trackers, Tracking()
        self.step = 0
        self._saved_step: int | None = None
        rank = self.accelerator.process_index
        self.plan = Plan(batches, accumulation=config.accumulation, rank=rank, ranks=ranks)

    def fit(self, *, resume: bool) -> Summary:
        """Train to the end, or until the user asks to stop.

        Raises:
            HairsplitError: A loss is not finite (the last good checkpoint is named).
            StoppedError: The user asked to stop; everything up to the last whole step is saved.
        """
        started = time.perf_counter()
        set_seed(self.config.seed)  # Python's, NumPy's and torch's generators
        self.encoder.to(self.accelerator.device)
        start = None
        if objectives.resolve(self.config.objective, 0).l2:
            start = {name: p.detach().clone() for name, p in self.encoder.named_parameters() if p.requires_grad}
        if self.config.ema is not None and self.accelerator.is_main_process:
            self.average = Average(self.encoder, self.config.ema)
        goes_on = resume and has_state(self.out)  # killed before its first checkpoint, a run begins anew
        state = self._resume() if goes_on else None
        local = objectives.needs_local(self.config.objective)
        towers, optimizer = self.engine.prepare(self.encoder, self._optimizer, local=local)
        self.frozen.attach(towers, self.teacher)
        if state is not None:
            self._load(state)
        keep = 0 if state is None else state.log_bytes
        log = MetricsLog(self.out, keep) if self.accelerator.is_main_process else None
        try:
            if self.config.compile:
                with together(self.accelerator):
                    compile_blocks(towers, self.config, self.accelerator.device, told=log is not None)
            self._started(log, optimizer, goes_on=goes_on)
            update = Update(
                self.config,
                self.engine,
                self.encoder,
                towers,
                optimizer,
                teacher=self.teacher,
                penalty=None if start is None else self.engine.penalty(start),
                steps=self.steps,
                carry=self.carry,
            )
            self._steps(update, log)
        finally:
            if log is not None:
                log.close()
            self.tracking.close()
            self.batches.close()
            self.frozen.close()
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
            ema=self.config.ema,
        )

    def _started(self, log: MetricsLog | None, optimizer: Any, *, goes_on: bool) -> None:
        with first_alone(self.timeout):
            self._track(goes_on=goes_on)
            if not goes_on and log is not None:
                table = self.table.as_dict() | {"groups": groups_table(optimizer)}
                write_json(self.out / "trainable.json", table)
        if not goes_on:
            with first_alone(self.timeout):
                self._validated(log)

    def _optimizer(self) -> torch.optim.Optimizer:
        rates = {"lr": self.config.lr, "layer_decay": self.config.layer_decay}
        return make_optimizer(self.encoder, weight_decay=self.config.weight_decay, **rates)

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
        speed = Throughput(self.ranks, partial(total, device=device, ranks=self.ranks))
        label = f"{config.objective.name} on {len(self.batches.examples):,} examples"
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
                if self.average is not None:
                    self.average.update()
                speed.add(micro)
                self._logged(log, done, speed)
                bar.step(f"loss {done.parts['loss']:.3f}  margin {done.parts['margin']:+.3f}")
                paused = time.perf_counter()
                ended = self.step == self.steps
                asked = any_rank(stop.asked, device, self.ranks) and not ended
                due = ended or self.step % config.validate_every == 0
                if due:
                    with first_alone(self.timeout):
                        self._validated(log)
                    ended = any_rank(self.standing.stopped is not None, device, self.ranks) or ended
                if due or asked or self.step % config.save_every == 0:
                    self._saved(log)
                if ended:
                    return
                if asked:
                    raise StoppedError(
                        f"stopped at step {self.step} of {self.steps} as asked",
                        where=str(self.out),
                        hint=f"hairsplit train --out {self.out} --resume goes on from there",
                    )
                speed.leave_out(paused)

    def _not_finite(self, what: str, step: int) -> NoReturn:
        refuse_not_finite(
            self.out,
            what,
            at=step,
            done=self.step,
            saved=self._saved_step,
            best=self.best,
            start=self.config.model,
        )

    def _logged(self, log: MetricsLog | None, done: Updated, speed: Throughput) -> None:
        if not is_logged(self.config, self.step, self.steps):
            return
        rates = speed.rates()
        if log is not None:
            rate = learning_rate(self.config, self.step - 1, self.steps)
            row = {
                "kind": "train",
                "step": self.step,
                **done.parts,
                "lr": rate,
                "grad_norm": done.norm,
                **done.term_norms,
                **rates,
            }
            log.write(row)
            self.tracking.log(row)

    def _validated(self, log: MetricsLog | None) -> None:
        """Validate on the main process; keep the best model."""
        model = {} if self.validate is None else self.engine.model()
        if self.validate is not None and log is not None:
            whole = self.engine.whole(model).eval()
            with self._judged():
                row = dict(self.validate(whole))
            logged = {"kind": "validation", "step": self.step, **row}
            log.write(logged)
            self.tracking.log(logged)
            verdict = stopping.judge(self.standing, row, self.step, self.limits)
            self.standing = verdict.standing
            if verdict.warning is not None:
                print(verdict.warning, file=sys.stderr)  # noqa: T201
            if verdict.better:
                self.best = {"metric": METRIC, "value": row[METRIC], "step": self.step}
                with self._judged():
                    save_best(self.out, whole, self.step, self.carry)

    def _judged(self) -> contextlib.AbstractContextManager[None]:
        """Within it the model is the one that is validated and given away: the average, where there is one."""
        return contextlib.nullcontext() if self.average is None else self.average.in_place()

    def _saved(self, log: MetricsLog | None) -> None:
        if any_rank(not self.engine.finite(), self.accelerator.device, self.ranks):
            self._not_finite("model", self.step)
        model = self.engine.model()
        with first_alone(self.timeout):
            if log is not None:
                with self._judged():
                    save_last(self.out, self.engine.whole(model), self.step, self.config.keep_last, self.carry)
        shards = self.engine.shards()
        state = TrainState(
            self.step,
            model if shards is None else {},
            self.engine.optimizer_state(),
            self.best,
            self.config_hash,
            self.start_hash,
            0 if log is None else log.bytes,
            stopping.as_state(self.standing),
            None if self.average is None else self.average.state(),
            {name: value.cpu() for name, value in self.carry.items()},
        )
        save_resumable(self.out, state, shards, self.accelerator, timeout=self.timeout)
        self._saved_step = self.step

    def _resume(self) -> TrainState:
        """Read the state, but for the weights and the optimiser's part, which the engine takes up."""
        state = load_state(self.out, config_hash=self.config_hash)
        if state.start_hash != self.start_hash:
            raise HairsplitError(
                "the model that the run started from has changed since",
                where=self.config.model,
                hint="put it back, or start a new run",
            )
        if self.average is not None:
            self.average.load(state.average)
        self.step = self._saved_step = state.step
        self.best = state.best
        self.carry.update(state.carry)
        self.standing = stopping.from_state(state.standing)
        return state

    def _load(self, state: TrainState) -> None:
        with together(self.accelerator):
            self.engine.load(Saved(self.out, state, rank=self.accelerator.process_index))
        if self.accelerator.is_main_process:
            drop_shards(self.out, keep=None if state.shards is None else state.shards["folder"])
