"""torch.compile of the blocks that learn: what a step costs with it and without, and what compiling costs.

    python benchmarks/compilation.py [IMAGES] [ROUNDS] [PRECISION] [MODE ...]

A CLIP of the shape of ViT-B/32 with random weights, 224 px, one negative per image, captions of 6 to 18 tokens; a step
is forward, loss and backward, without decoding and optimiser. Each round runs both ways once, in turn. Compared are CPU
seconds of one thread: on a shared machine the clock on the wall tells who else is there. First it is checked that both
ways have the same loss and gradient. Compiling is measured with an empty cache of its own; a later run finds torch's in
the folder for temporary files and is faster.
"""

import copy
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from frozen_work import CPU, SHAPE, batch_of, interleaved
from torch import Tensor

from hairsplit.core.tensors import Batch
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.encoders.trainable import TrainableMode, set_trainable
from hairsplit.losses import objectives
from hairsplit.losses.objectives import parse_objective
from hairsplit.train.compilation import compile_blocks
from hairsplit.train.config import Precision, TrainConfig
from hairsplit.train.step import Towers


class Model:
    """A model that learns in one mode, its blocks plain or compiled."""

    def __init__(self, start: DualEncoder, config: TrainConfig) -> None:
        self.config = config
        self.encoder = copy.deepcopy(start)
        set_trainable(self.encoder, config.trainable)
        self.encoder.train()
        self.towers = Towers(self.encoder)
        self.objective = objectives.resolve(config.objective, 0)
        self.compiling = (0.0, 0.0)
        """CPU seconds, compilers that were called included, and seconds of the clock."""
        if config.compile:
            before, clock = cpu_seconds(), time.perf_counter()
            compile_blocks(self.towers, config, CPU)
            self.compiling = cpu_seconds() - before, time.perf_counter() - clock

    def step(self, batch: Batch) -> Tensor:
        """The loss; gradients are left in the parameters."""
        self.encoder.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.config.precision == "bf16"):
            z = self.towers(batch)
        loss = objectives.compute(self.objective, z, None).total
        torch.autograd.backward(loss)
        return loss.detach()


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def apart(one: Model, two: Model, batch: Batch) -> tuple[float, float]:
    """How far both are from each other: the loss, and the gradient as a share of its norm."""
    loss = float((one.step(batch) - two.step(batch)).abs())
    far = norm = 0.0
    for mine, theirs in zip(one.encoder.parameters(), two.encoder.parameters(), strict=True):
        if mine.grad is not None and theirs.grad is not None:
            far += float((mine.grad - theirs.grad).double().square().sum())
            norm += float(theirs.grad.double().square().sum())
    return loss, (far / norm) ** 0.5


def main(images: int = 8, rounds: int = 5, precision: Precision = "fp32", *modes: TrainableMode) -> None:
    """Compare these modes, or `full_encoder`."""
    torch.set_num_threads(1)
    print(f"one thread, torch {torch.__version__}, {precision}; {images} images a step, n = {rounds} rounds")
    start = new(SHAPE).requires_grad_(False)
    batch = batch_of(images, start)
    objective = parse_objective({"name": "sum", "terms": [{"loss": "hard_negative"}]})
    for mode in modes or ("full_encoder",):
        shared = {"train": Path("none"), "trainable": mode, "objective": objective, "precision": precision}
        plain, compiled = (Model(start, TrainConfig(**shared, compile=on)) for on in (False, True))
        loss, gradient = apart(compiled, plain, batch)
        both = {"plain": plain, "compiled": compiled}
        found = interleaved(
            {name: lambda model=model: model.step(batch) for name, model in both.items()}, rounds, lambda _: None
        )
        ratio = statistics.median(found["compiled"]) / statistics.median(found["plain"])
        for name, seconds in found.items():
            print(f"{mode:13} {name:9} {statistics.median(seconds):6.2f} CPU s ({seconds[0]:.2f}-{seconds[-1]:.2f})")
        print(
            f"{mode:13} compiled / plain {ratio:.3f}; compiling "
            f"{compiled.compiling[0]:.0f} CPU s, {compiled.compiling[1]:.0f} s by the clock; loss apart {loss:.1e}, "
            f"gradient {gradient:.1e} of its norm",
            flush=True,
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as empty:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        main(*map(int, sys.argv[1:3]), *sys.argv[3:])  # type: ignore[arg-type]
