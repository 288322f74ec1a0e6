"""What hairsplit's training step costs against the number of images in it and the negatives of each.

    OMP_NUM_THREADS=1 python benchmarks/training_cost.py [--images 2 4 8 16] [--negatives 1 2 4 8] [--trainable MODE]

The same model, table and measures as `training.py`; no peers. Each row is a run of its own in one process: its first
step fills the cache of frozen work, as it would be after an epoch, and is not timed.
"""

import argparse
import gc
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import training_contenders as contenders
from training import NEGCLIP, Measured, race
from training_work import HNC_LENGTHS, SMALL, VIT_B_32, Work, processor, table

from hairsplit.encoders.dual_encoder import DualEncoder, new


def cost(work: Work, base: DualEncoder, precision: str, rounds: int) -> Measured:
    """The steps of one size, operations and memory counted."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = table(work, Path(folder), base.image_size, HNC_LENGTHS)
        found = Measured(contenders.hairsplit(work, pairs, base, precision, work.batches + rounds + 1))
        race(work, [found], rounds)
        found.contender.close()
    gc.collect()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[2, 4, 8, 16], help="Of a step; K = 1.")
    parser.add_argument("--negatives", type=int, nargs="+", default=[2, 4, 8], help="K; --fixed images a step.")
    parser.add_argument("--fixed", type=int, default=4, help="Images of a step where K varies.")
    parser.add_argument("--trainable", default="full_encoder")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=3, help="Timed steps of each size.")
    parser.add_argument("--quick", action="store_true", help="A small model: whether it runs, not how fast.")
    options = parser.parse_args(arguments)
    base = new(SMALL if options.quick else VIT_B_32)
    print(f"{processor()}; {torch.get_num_threads()} thread(s), torch {torch.__version__}")
    print(f"{options.trainable}, {options.precision}, {sum(p.numel() for p in base.parameters()):,} numbers\n")
    print("| images | K | CPU s/step | range | pairs/s | images/s | GFLOP/step | MB/step |")
    print("|---|---|---|---|---|---|---|---|")
    for images, negatives in [*((n, 1) for n in options.images), *((options.fixed, k) for k in options.negatives)]:
        work = Work(f"{images} x {negatives}", options.trainable, NEGCLIP, images, negatives, batches=1)
        one = cost(work, base, options.precision, options.rounds)
        seconds = statistics.median(one.seconds)
        print(
            f"| {images} | {negatives} | {seconds:.2f} | {min(one.seconds):.2f}-{max(one.seconds):.2f} | "
            f"{work.pairs / seconds:.2f} | {images / seconds:.2f} | {one.flops / 1e9:,.0f} | {one.megabytes:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
