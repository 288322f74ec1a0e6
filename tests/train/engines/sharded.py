"""What two ranks do with an engine, next to what one process does."""

import copy
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import DTensor

from hairsplit import api
from hairsplit.core.tensors import Batch
from hairsplit.encoders.trainable import TrainableMode
from hairsplit.losses import objectives
from hairsplit.train.checkpoint import MetricsLog, TrainState, load_state
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import EngineName, choose
from hairsplit.train.saving import save_resumable
from hairsplit.train.sharded_state import Saved
from hairsplit.train.step import Towers
from hairsplit.train.update import Update, begin_learned
from tests.train import ranks
from tests.train.small import same
from tests.train.test_distributed import written

STEPS = 3
Case = tuple[str, objectives.AnySpec, TrainableMode]


def updates(name: EngineName, case: Case, rows: slice, accelerator: Any, folder: Path) -> dict[str, Any]:
    """Loss, norm, gradient and weights of some SGD steps, the second half of each being a micro-batch of its own.

    What is saved is put together from `folder`.
    """
    _, spec, mode = case
    # DeepSpeed takes nothing wider than single precision.
    dtype = torch.float32 if name.startswith("zero") else torch.float64
    made = ranks.encoder(mode).to(dtype)
    begin_learned(made, spec)
    negatives = 2 if objectives.needs_negatives(spec) or spec.name != "standard" else 0
    config = TrainConfig(
        train=Path("none"), objective=spec, lr=0.5, warmup_steps=0, schedule="constant", clip_norm=0.05
    )
    chosen = choose(name, accelerator)
    start = dict(ranks.encoder(mode, seed=2).to(dtype).named_parameters())
    given = ranks.batch(made, rows, negatives)
    assert given.pixels is not None
    pixels = given.pixels.to(dtype)
    towers, optimizer = chosen.prepare(
        made,
        lambda: torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.5, momentum=0.9),
        local=objectives.needs_local(spec),
    )
    if name == "fsdp2":
        assert all(isinstance(p, DTensor) for p in made.parameters())
        held = sum(p.to_local().numel() for p in made.parameters() if isinstance(p, DTensor))
        assert held < 0.7 * sum(p.numel() for p in made.parameters())
    if name == "zero3":
        assert not any(p.numel() for p in made.parameters())
    penalty = chosen.penalty(start) if objectives.resolve(spec, 0).l2 else None
    teacher = Towers(ranks.encoder(mode, seed=1).to(dtype).requires_grad_(False))
    update = Update(config, chosen, made, towers, optimizer, teacher=teacher, penalty=penalty, steps=STEPS)
    micro = [replace(given, pixels=pixels), replace(given, pixels=-pixels)]
    done = [update(micro, step) for step in range(STEPS)]
    saved = save(chosen, STEPS, folder)
    weights = saved.model()
    grown: dict[str, Any] = {
        "carry": dict(update.carry),
        "model": weights if accelerator.is_main_process else {},
        "optimizer": copy.deepcopy(saved.optimizer()),  # what is loaded may be used as it is
        "parts": [step.parts for step in done],
        "norms": [step.norm for step in done],
        "finite": chosen.finite(),
    }
    if name.startswith("zero"):
        _assert_half_of_the_state(chosen, made)
    gathered = chosen.model()
    assert same(gathered, grown["model"])
    if accelerator.is_main_process:
        whole = chosen.whole(gathered)
        assert all(p.ndim or n.endswith(("logit_scale", "_bias")) for n, p in whole.named_parameters())
    if spec.name == "hnc_kl":  # in all modes; what comes back is no matter of objectives
        _assert_comes_back(update, micro, saved, grown, folder)
    return grown


def _assert_comes_back(update: Update, micro: list[Batch], saved: Saved, grown: dict[str, Any], folder: Path) -> None:
    """What is saved undoes a step, to the last bit, and the step can be made again."""
    chosen, weights = update.accelerator, saved.model()
    once = update(micro, STEPS)
    chosen.load(saved)
    again = save(chosen, STEPS + 1, folder)
    assert same(again.model(), weights)
    assert same(again.optimizer()["state"], grown["optimizer"]["state"])
    twice = update(micro, STEPS)
    assert repr((twice.parts, twice.norm)) == repr((once.parts, once.norm))  # nan is nan


def save(chosen: Any, step: int, run: Path) -> Saved:
    """Write the state of all ranks, and open it."""
    shards, model = chosen.shards(), chosen.model()
    state = TrainState(step, {} if shards else model, chosen.optimizer_state(), None, "c", "s", 0)
    save_resumable(run, state, shards, chosen.accelerator, timeout=timedelta(minutes=1))
    return Saved(run, load_state(run, config_hash="c"), rank=chosen.process_index)


def _assert_half_of_the_state(chosen: Any, made: torch.nn.Module) -> None:
    """Of what learns, this rank has the momentum of one half, DeepSpeed's padding apart."""
    learning = sum(getattr(p, "ds_numel", p.numel()) for p in made.parameters() if p.requires_grad)
    held = sum(entries["momentum_buffer"].numel() for entries in chosen._base.state.values())
    assert 0.5 * learning <= held < 0.6 * learning + 64


def unsharded(out: Path) -> list[str]:
    """All that a run has written, but for its shards."""
    return [name for name in written(out) if not name.startswith("state/step_")]


def all_cases(rank: int, name: EngineName, cases: list[Case], out: Path) -> None:
    """Each case on this rank's half of the batch."""
    accelerator = engine()
    rows = slice(3 * rank, 3 * rank + 3)
    for case in cases:
        found = updates(name, case, rows, accelerator, out / f"{case[0]}-{case[2]}")
        torch.save(found, out / f"{case[0]}-{case[2]}-{rank}.pt")


def stopped_at_the_third_step(rank: int, config: TrainConfig, out: Path) -> None:
    """`ranks.train`, asked to stop once the log holds the third step."""
    write = MetricsLog.write

    def write_and_ask(log: MetricsLog, row: dict[str, Any]) -> None:
        write(log, row)
        if (row["kind"], row["step"]) == ("train", 3):
            signal.raise_signal(signal.SIGTERM)

    setattr(MetricsLog, "write", write_and_ask)  # noqa: B010 - in a process of its own
    ranks.train(rank, config, out)


def resumed(_rank: int, config: TrainConfig, out: Path) -> None:
    """The rest of a stopped training."""
    api.train(config, out, resume=True, quiet=True)
