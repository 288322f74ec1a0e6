"""What two ranks do with an engine, next to what one process does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from hairsplit.encoders.trainable import TrainableMode
from hairsplit.losses import objectives
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import EngineName, choose
from hairsplit.train.step import Towers
from hairsplit.train.update import Update
from tests.train import ranks

STEPS = 3
Case = tuple[str, objectives.AnySpec, TrainableMode]


def updates(name: EngineName, case: Case, rows: slice, accelerator: Any, *, clip_norm: float = 0.05) -> dict[str, Any]:
    """Loss, norm, gradient and weights of some SGD steps, the second half of each being a micro-batch of its own."""
    _, spec, mode = case
    made = ranks.encoder(mode)
    negatives = 2 if objectives.needs_negatives(spec) or spec.name != "standard" else 0
    config = TrainConfig(
        train=Path("none"), objective=spec, lr=0.5, warmup_steps=0, schedule="constant", clip_norm=clip_norm
    )
    chosen = choose(name, accelerator)
    start = dict(ranks.encoder(mode, seed=2).named_parameters())
    given = ranks.batch(made, rows, negatives)
    towers, optimizer = chosen.prepare(
        made, lambda: torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.5, momentum=0.9)
    )
    if name == "fsdp2":
        assert all(isinstance(p, DTensor) for p in made.parameters())
        held = sum(p.to_local().numel() for p in made.parameters() if isinstance(p, DTensor))
        assert held < 0.7 * sum(p.numel() for p in made.parameters())
    penalty = chosen.penalty(start) if objectives.resolve(spec, 0).l2 else None
    teacher = Towers(ranks.encoder(mode, seed=1).requires_grad_(False))
    update = Update(config, chosen, made, towers, optimizer, teacher=teacher, penalty=penalty, steps=STEPS)
    done = [update([given, replace(given, pixels=-given.pixels)], step) for step in range(STEPS)]
    grown: dict[str, Any] = {
        "model": chosen.model(),
        "optimizer": chosen.optimizer_state(),
        "parts": [step.parts for step in done],
        "norms": [step.norm for step in done],
        "finite": chosen.finite(),
    }
    chosen.load_optimizer(_everywhere(grown["optimizer"], ranks.RANKS if name == "fsdp2" else 1))
    again = chosen.optimizer_state()
    if accelerator.is_main_process:
        assert _flat(again) == _flat(grown["optimizer"])
        whole = chosen.whole(grown["model"])
        assert all(p.ndim or n.endswith("logit_scale") for n, p in whole.named_parameters())
    return grown


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
