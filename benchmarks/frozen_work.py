"""Frozen work done once: a step of each mode at first sight of its batch and afterwards; and what a reference costs.

    python benchmarks/frozen_work.py [IMAGES] [ROUNDS] [MODE ...]

A CLIP of the shape of ViT-B/32 with random weights, 224 px, one negative per image, captions of 6 to 18 tokens; a step
is forward, loss and backward in float32, without decoding and optimiser. Each round runs every way once, in turn.
Compared are medians of CPU seconds of one thread, with least and most: on a shared machine the clock on the wall tells
who else is there. First it is checked that both ways have the same loss and gradient.
"""

import copy
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from hairsplit.core.tensors import Batch
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.trainable import MODES, TrainableMode, set_trainable
from hairsplit.losses import objectives
from hairsplit.losses.objectives import AnySpec, parse_objective
from hairsplit.train.config import TrainConfig
from hairsplit.train.frozen_work import FrozenWork
from hairsplit.train.step import Towers

SHAPE = CLIPShape(
    image_size=224, patch=32, vision_width=768, vision_layers=12, vision_heads=12, text_width=512, text_layers=12,
    text_heads=8, embedding=512, merges=None,
)  # fmt: skip
WITHOUT = {"hnc_kl": {"name": "sum", "terms": [{"loss": "hard_negative"}]}, "dpo_kl": {"name": "standard"}}
"""An objective with a reference -> one as like it as there is without."""
CPU = torch.device("cpu")


def batch_of(images: int, encoder: DualEncoder) -> Batch:
    """Random pictures and captions."""
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(6, 19, (2, images), generator=draw)
    ids = torch.randint(1, 40_000, (2, images, 18), generator=draw)
    place = torch.arange(18)
    ids = ids.masked_fill(place == lengths.unsqueeze(2) - 1, encoder.tokenizer.eos)
    ids = ids.masked_fill(place >= lengths.unsqueeze(2), 0)
    return Batch(
        pixels=torch.randn(images, 3, 224, 224, generator=draw),
        caption_ids=ids[0],
        negative_ids=ids[1].unsqueeze(1),
        mask=torch.ones(images, 1, dtype=torch.bool),
        image_keys=torch.arange(images),
        caption_keys=torch.arange(images),
    )


class Model:
    """A model that learns in one mode, its reference, and their frozen work."""

    def __init__(self, start: DualEncoder, mode: TrainableMode, objective: AnySpec, *, keeps: bool) -> None:
        self.objective, self.config = objective, TrainConfig(train=Path("none"), trainable=mode, objective=objective)
        encoder = copy.deepcopy(start)
        needs = objectives.needs_teacher(objective)
        self.teacher = Towers(copy.deepcopy(start).requires_grad_(False).eval()) if needs else None
        set_trainable(encoder, mode)
        self.encoder, self.towers, self.keeps = encoder.train(), Towers(encoder), keeps
        self.forget()

    def forget(self) -> None:
        """Begin with an empty cache."""
        if self.keeps:
            self.work = FrozenWork(self.config, self.encoder, self.teacher, CPU)
            self.work.attach(self.towers, self.teacher)

    def step(self, batch: Batch) -> Tensor:
        """The loss; gradients are left in the parameters."""
        known = self.work.pictures if self.keeps else None
        if known is not None:
            is_known, fields = known.fields(batch.image_keys.tolist())
            batch = replace(batch, pixels=None, **fields) if is_known.all() else batch
        self.encoder.zero_grad(set_to_none=True)
        z = self.towers(batch)
        with torch.no_grad():
            reference = None if self.teacher is None else self.teacher(batch)
        loss = objectives.compute(objectives.resolve(self.objective, 0), z, reference).total
        torch.autograd.backward(loss)
        return loss.detach()


def check(one: Model, two: Model, batch: Batch) -> None:
    """Both have the same loss and gradients, but for rounding, at first sight and afterwards."""
    for _ in range(2):
        torch.testing.assert_close(one.step(batch), two.step(batch), rtol=1e-4, atol=1e-5)
        for mine, theirs in zip(one.encoder.parameters(), two.encoder.parameters(), strict=True):
            if mine.grad is not None and theirs.grad is not None:
                scale = float(theirs.grad.abs().max())
                torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-3 * scale + 1e-7)


def interleaved(
    ways: dict[str, Callable[[], object]], rounds: int, before: Callable[[str], object]
) -> dict[str, list[float]]:
    """CPU seconds of each way, sorted; `before` is called before each and not measured."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before(name)
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    return {name: sorted(times) for name, times in seconds.items()}


def compare(start: DualEncoder, mode: TrainableMode, batch: Batch, rounds: int) -> None:
    """Print a mode's lines."""
    images = len(batch.mask)
    plain, kept, fresh = (
        Model(start, mode, parse_objective(WITHOUT["hnc_kl"]), keeps=keeps) for keeps in (False, True, True)
    )
    check(kept, plain, batch)
    models = {"not kept": plain, "first": fresh, "again": kept}
    ways = {name: lambda model=model: model.step(batch) for name, model in models.items()}
    found = interleaved(ways, rounds, lambda name: fresh.forget() if name == "first" else None)
    report(mode, "no reference", images, found, "not kept")
    for name, without in WITHOUT.items():
        alone = Model(start, mode, parse_objective(without), keeps=True)
        kept, plain = (Model(start, mode, parse_objective(name), keeps=keeps) for keeps in (True, False))
        check(kept, plain, batch)
        alone.step(batch)
        three = {"without": alone, "kept": kept, "each step": plain}
        ways = {way: lambda model=model: model.step(batch) for way, model in three.items()}
        report(mode, name, images, interleaved(ways, rounds, lambda _: None), "without")


def report(mode: str, what: str, images: int, found: dict[str, list[float]], against: str) -> None:
    """Print a line for each way, with its time as a multiple of another's."""
    base = statistics.median(found[against])
    for name, seconds in found.items():
        middle = statistics.median(seconds)
        print(
            f"{mode:13} {what:12} {name:9} {images / middle:7.2f} pairs/CPU s  {middle:6.2f} s "
            f"({seconds[0]:.2f}-{seconds[-1]:.2f})  time {middle / base:.3f} x {against!r}",
            flush=True,
        )


def main(images: int = 32, rounds: int = 5, *modes: TrainableMode) -> None:
    """Compare these modes, or all."""
    torch.set_num_threads(1)
    cpu = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    print(f"{cpu}, one thread, torch {torch.__version__}; {images} images a step, n = {rounds} rounds")
    start = new(SHAPE).requires_grad_(False)
    batch = batch_of(images, start)
    for mode in modes or MODES:
        compare(start, mode, batch, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:])  # type: ignore[arg-type]
