"""Steps with the activations of some rows at a time, next to steps in one pass; also on two ranks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_pre_hook

from hairsplit.core.tensors import Batch
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder
from hairsplit.encoders.trainable import TrainableMode
from hairsplit.losses import objectives
from hairsplit.train.activation_checkpointing import checkpoint_activations
from hairsplit.train.compilation import compile_blocks
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import choose
from hairsplit.train.step import Towers
from hairsplit.train.update import Update, begin_learned
from tests.train import ranks

STEPS = 2
Change = Callable[[DualEncoder], None]


@dataclass(frozen=True)
class Case:
    """An objective, what learns, and settings of the run."""

    spec: objectives.AnySpec
    mode: TrainableMode = "full_encoder"
    settings: tuple[tuple[str, Any], ...] = ()
    micro: int = 2
    """Micro-batches of a step."""
    name: str = ""

    def settled(self, **settings: Any) -> "Case":
        """The same with other settings."""
        return replace(self, settings=(*self.settings, *settings.items()))


@dataclass(frozen=True)
class Taken:
    """What some steps did."""

    losses: list[dict[str, float]]
    norms: list[float]
    term_norms: list[dict[str, float]]
    gradients: list[dict[str, Tensor]]
    """Of each step, by parameter; what had none is left out."""
    weights: dict[str, Tensor]


def steps(
    case: Case, rows: slice = slice(0, 6), accelerator: Any = None, change: Change | None = None, *, number: int = STEPS
) -> Taken:
    """SGD steps of `Update` in float64; every micro-batch but the first one has its pictures negated."""
    accelerator = accelerator or engine()
    made = ranks.encoder(case.mode)
    begin_learned(made, case.spec)
    if change is not None:
        change(made)
    negatives = 2 if objectives.needs_negatives(case.spec) or case.spec.name != "standard" else 0
    shared: dict[str, Any] = {"lr": 0.5, "warmup_steps": 0, "schedule": "constant", "clip_norm": 0.0, "log_every": 1}
    config = TrainConfig(train=Path("none"), objective=case.spec, trainable=case.mode, **shared | dict(case.settings))
    if config.activation_checkpointing:
        checkpoint_activations(made)
    chosen = choose(config.engine, accelerator)
    given = ranks.batch(made, rows, negatives)
    learning = {name: p for name, p in made.named_parameters() if p.requires_grad}
    start = dict(ranks.encoder(case.mode, seed=2).named_parameters())
    start |= {name: torch.nn.Parameter(p.detach().clone()) for name, p in learning.items() if name not in start}
    towers, optimizer = chosen.prepare(
        made,
        lambda: torch.optim.SGD([p for p in made.parameters() if p.requires_grad], lr=0.5),
        local=objectives.needs_local(case.spec),
    )
    if config.compile:  # not into machine code: that takes a minute
        compile_blocks(towers, config, chosen.device, backend="aot_eager", fresh=False)
    penalty = chosen.penalty(start) if objectives.resolve(case.spec, 0).l2 else None
    teacher = Towers(ranks.encoder(case.mode, seed=1).requires_grad_(False).eval())
    seen: list[dict[str, Tensor]] = []

    def note(*_: Any) -> None:
        seen.append({name: _whole(p.grad) for name, p in made.named_parameters() if p.grad is not None})

    hook = register_optimizer_step_pre_hook(note)
    torch.manual_seed(0)
    try:
        update = Update(config, chosen, made, towers, optimizer, teacher=teacher, penalty=penalty, steps=9)
        done = [update(_micro(given, case.micro), step) for step in range(number)]
    finally:
        hook.remove()
    return Taken(
        [one.parts for one in done],
        [one.norm for one in done],
        [one.term_norms for one in done],
        seen,
        {name: _whole(p.detach()).clone() for name, p in made.named_parameters()},
    )


def _whole(value: Tensor) -> Tensor:
    whole: Tensor = value.full_tensor() if hasattr(value, "full_tensor") else value
    return whole.clone()


def _micro(given: Batch, count: int) -> list[Batch]:
    assert given.pixels is not None
    return [given, *(replace(given, pixels=-given.pixels / n) for n in range(1, count))]


def on_ranks(rank: int, cases: Sequence[Case], out: Path, shape: CLIPShape = ranks.SHAPE) -> None:
    """Each case on this rank's half of the batch."""
    ranks.SHAPE = shape  # of this process, which is new
    accelerator = engine()
    for number, case in enumerate(cases):
        taken = steps(case, slice(3 * rank, 3 * rank + 3), accelerator)
        torch.save(vars(taken), out / f"{number}-{rank}.pt")
