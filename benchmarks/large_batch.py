"""Peak memory and time of one training step: in one pass, in chunks twice, and with blocks computed again.

    python benchmarks/large_batch.py [BATCH ...] [--chunk 64] [--huge BATCH]

Each way runs in a process of its own, so that its peak is its own; what the process held before the step (the model,
the pictures and captions of the batch) is taken off. `--huge`: that batch in chunks only, under bf16.

The model is `tiny` (48 px, 256 channels, 4 and 3 blocks), captions have 14 words drawn at random, each image has one
hard negative, and pictures are noise: what is measured does not depend on what they show.
"""

import argparse
import random
import resource
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from hairsplit.core.tensors import Batch
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import choose
from hairsplit.train.update import Update

WORDS = ("a", "the", "red", "blue", "green", "small", "large", "dog", "cat", "mug", "left", "right", "of", "on", "near")
WAYS: dict[str, dict[str, Any]] = {
    "one pass": {},
    "blocks computed again": {"activation_checkpointing": True},
    "chunks": {"chunk": 0},
    "chunks, blocks computed again": {"chunk": 0, "activation_checkpointing": True},
}


def peak_megabytes() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def batch(encoder: DualEncoder, rows: int) -> Batch:
    """Noise and random captions."""
    rng = random.Random(0)  # noqa: S311
    ids = encoder.tokenize([" ".join(rng.choices(WORDS, k=14)) for _ in range(2 * rows)])
    size = encoder.image_size
    return Batch(
        pixels=torch.randn(rows, 3, size, size, generator=torch.Generator().manual_seed(0)),
        caption_ids=ids[:rows],
        negative_ids=ids[rows:].unsqueeze(1),
        mask=torch.ones(rows, 1, dtype=torch.bool),
        image_keys=torch.arange(rows),
        caption_keys=torch.arange(rows),
    )


def step(rows: int, settings: dict[str, Any]) -> dict[str, float]:
    """One step: megabytes above what was held before, CPU seconds, loss, and norm of the gradient."""
    from hairsplit.train.activation_checkpointing import checkpoint_activations

    torch.set_num_threads(1)
    encoder = load("tiny")
    encoder.requires_grad_(True)
    config = TrainConfig(train=Path("none"), objective="standard", warmup_steps=0, **settings)  # type: ignore[arg-type]
    if config.activation_checkpointing:
        checkpoint_activations(encoder)
    chosen = choose("auto", engine())
    towers, optimizer = chosen.prepare(encoder, lambda: torch.optim.SGD(encoder.parameters(), lr=1e-3))
    update = Update(config, chosen, encoder, towers, optimizer, teacher=None, penalty=None, steps=9)
    given = batch(encoder, rows)
    update([given.part(0, 2)], 0)  # what is loaded and allocated once
    before, start = peak_megabytes(), time.process_time()
    done = update([given], 1)
    seconds = time.process_time() - start
    return {
        "held": before,
        "above": peak_megabytes() - before,
        "seconds": seconds,
        "loss": done.parts["loss"],
        "norm": done.norm,
    }


def measured(way: str, rows: int, chunk: int, precision: str = "fp32") -> dict[str, float]:
    """A step in a fresh process."""
    settings = {key: chunk if key == "chunk" else value for key, value in WAYS[way].items()} | {"precision": precision}
    with get_context("spawn").Pool(1) as pool:
        found = pool.apply(step, (rows, settings))
    print(
        f"{rows:>7,}  {way:<30} {found['above']:>9,.0f} MB above {found['held']:>6,.0f}  {found['seconds']:>7.1f} CPU s"
        f"  loss {found['loss']:.6f}  norm {found['norm']:.6f}",
        flush=True,
    )
    return found


def main() -> None:
    """Print each way, and its ratio to one pass."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("batches", nargs="*", type=int, default=[256, 1024])
    arguments.add_argument("--chunk", type=int, default=64)
    arguments.add_argument("--huge", type=int)
    given = arguments.parse_args()
    print(f"chunks of {given.chunk}; one thread")
    for rows in given.batches:
        found = {way: measured(way, rows, given.chunk) for way in WAYS}
        plain = found["one pass"]
        for way, one in found.items():
            if abs(one["loss"] - plain["loss"]) > 1e-5 or abs(one["norm"] / plain["norm"] - 1) > 1e-4:
                raise AssertionError(f"{way} is not the same step")
            memory, seconds = one["above"] / plain["above"], one["seconds"] / plain["seconds"]
            print(f"{rows:>7,}  {way:<30} memory {memory:.2f} x, time {seconds:.2f} x")
    if given.huge:
        measured("chunks", given.huge, given.chunk, "bf16")


if __name__ == "__main__":
    main()
