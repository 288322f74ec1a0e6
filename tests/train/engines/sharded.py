"""What two ranks do with an engine, next to what one process does."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from hairsplit import api
from hairsplit.encoders.trainable import TrainableMode
from hairsplit.losses import objectives
from hairsplit.train.checkpoint import MetricsLog
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import EngineName, choose
from hairsplit.train.step import Towers
from hairsplit.train.update import Update, begin_learned
from tests.train import ranks

STEPS = 3
Case = tuple[str, objectives.AnySpec, TrainableMode]


def updates(name: EngineName, case: Case, rows: slice, accelerator: Any, *, clip_norm: float = 0.05) -> dict[str, Any]:
    """Loss, norm, gradient and weights of some SGD steps, the second half of each being a micro-batch of its own."""
    _, spec, mode = case
    # DeepSpeed takes nothing wider than single precision.
    dtype = torch.float32 if name.startswith("zero") else torch.float64
    made = ranks.encoder(mode).to(dtype)
    begin_learned(made, spec)
    negatives = 2 if objectives.needs_negatives(spec) or spec.name != "standard" else 0
    config = TrainConfig(
        train=Path("none"), objective=spec, lr=0.5, warmup_steps=0, schedule="constant", clip_norm=clip_norm
    )
    chosen = choose(name, accelerator)
    start = dict(ranks.encoder(mode, seed=2).to(dtype).named_parameters())
    given = ranks.batch(made, rows, negatives)
    assert given.pixels is not None
    pixels = given.pixels.to(dtype)
    towers, optimizer = chosen.prepare(
        made, lambda: torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.5, momentum=0.9)
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
    done = [update([replace(given, pixels=pixels), replace(given, pixels=-pixels)], step) for step in range(STEPS)]
    grown: dict[str, Any] = {
        "carry": update.carry,
        "model": chosen.model(),
        "optimizer": chosen.optimizer_state(),
        "parts": [step.parts for step in done],
        "norms": [step.norm for step in done],
        "finite": chosen.finite(),
    }
    if name.startswith("zero"):
        _assert_half_of_the_state(chosen, made)
    chosen.load_optimizer(_everywhere(grown["optimizer"], 1 if name == "auto" else ranks.RANKS))
    again = chosen.optimizer_state()
    if accelerator.is_main_process:
        assert _flat(again) == _flat(grown["optimizer"])
        whole = chosen.whole(grown["model"])
        assert all(p.ndim or n.endswith(("logit_scale", "_bias")) for n, p in whole.named_parameters())
    return grown


def _assert_half_of_the_state(chosen: Any, made: torch.nn.Module) -> None:
    """Of what learns, this rank has the momentum of one half, DeepSpeed's padding apart."""
    learning = sum(getattr(p, "ds_numel", p.numel()) for p in made.parameters() if p.requires_grad)
    held = sum(entries["momentum_buffer"].numel() for entries in chosen._base.state.values())
    assert 0.5 * learning <= held < 0.6 * learning + 64


def _everywhere(state: dict[str, Any], size: int) -> dict[str, Any]:
    """The main process's state on all ranks, as all of them read it from a file."""
    if size == 1:
        return state
    held = [state]
    torch.distributed.broadcast_object_list(held)
    return held[0]


def _flat(state: dict[str, Any]) -> dict[tuple[int, str], list[float]]:
    return {
        (index, key): value.flatten().tolist()
        for index, entries in state["state"].items()
        for key, value in entries.items()
        if isinstance(value, Tensor)
    }


def all_cases(rank: int, name: EngineName, cases: list[Case], out: Path) -> None:
    """Each case on this rank's half of the batch."""
    accelerator = engine()
    rows = slice(3 * rank, 3 * rank + 3)
    for case in cases:
        torch.save(updates(name, case, rows, accelerator), out / f"{case[0]}-{case[2]}-{rank}.pt")


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
