"""Steps per second of the data side of training: the order of an epoch, and batches with their pixels in memory.

    python benchmarks/batches.py [--examples 1000000] [--images 20000] [--batch 128] [--steps 300]

Batches are made of pictures of 224 x 224 pixels of which `--pictures` different ones are kept in memory, so that what
is measured is sampling, collation and normalisation, not decoding. The step is timed at three sizes of table: it must
not grow with the table.

    python benchmarks/batches.py --memory 2000000

instead makes a table of so many pairs on disk, all texts different and 121 pairs to an image as in HNC, and prints the
memory of a process that prepares training on it, part by part.
"""

import argparse
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from hairsplit.core.tables import PairsMeta, PairsTable, write_pairs
from hairsplit.core.types import Pair
from hairsplit.data.batches import PairBatches
from hairsplit.data.rows import StoredRows, open_pairs
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer

WORDS = ("red", "blue", "green", "small", "large", "old", "new", "wet", "dry", "long")
THINGS = ("cup", "dog", "table", "man", "car", "tree", "hat", "ball", "bird", "boat")


def table(root: Path, count: int, images: int, pictures: int) -> tuple[PairsTable, dict[str, int]]:
    """Made-up pairs: `count` of them of `images` images, which share `pictures` files."""
    rng = np.random.default_rng(0)
    choices = rng.integers(0, 10, (count, 6)).tolist()
    names = [f"{n % pictures}.png" for n in range(images)]
    pairs = []
    for n, (a, b, c, d, e, f) in enumerate(choices):
        caption = f"the {WORDS[a]} {THINGS[b]} is to the left of the {WORDS[c]} {THINGS[d]} number {n % 5000}"
        negative = f"the {WORDS[e]} {THINGS[f]} is to the left of the {WORDS[c]} {THINGS[d]} number {n % 5000}"
        # a name of its own for each image, so that each has its key; all lead to a few files
        pairs.append(
            Pair(
                image=f"{n % images}/{names[n % images]}",
                image_id=str(n % images),
                caption=caption,
                negative=negative if negative != caption else None,
                kind="attribute",
                source="made up",
            )
        )
    keys = {f"{n}/{name}": n for n, name in enumerate(names)}
    return PairsTable(tuple(pairs), root, PairsMeta(), "", root / "none.parquet"), keys


def measure(
    root: Path, count: int, images: int, options: argparse.Namespace, each: Literal["pairs", "images"]
) -> dict[str, float]:
    """Seconds of each part."""
    pairs, keys = table(root, count, images, options.pictures)
    rng = np.random.default_rng(1)
    for n in range(options.pictures):
        for image in range(n, images, options.pictures):
            (root / str(image)).mkdir(exist_ok=True)
            path = root / str(image) / f"{n}.png"
            if not path.exists():
                first = root / f"{n}.png"
                if not first.exists():
                    Image.fromarray(rng.integers(0, 256, (224, 224, 3), np.uint8)).save(first)
                path.hardlink_to(first)
    started = time.perf_counter()
    batches = PairBatches(
        pairs,
        Tokenizer(),
        Preprocess(224),
        batch_size=options.batch,
        image_keys=keys,
        negatives_per_image=options.negatives,
        each=each,
        threads=options.threads,
    )
    built = time.perf_counter()
    order = batches.epoch(0).batches
    arranged = time.perf_counter()
    texts = _without_pixels(batches, order, options.steps)
    steps = order[:20]
    for row in steps:  # decodes, keeps
        batches.batch(row)
    times = []
    for _ in range(3):
        for row in steps:
            before = time.perf_counter()
            batches.batch(row)
            times.append(time.perf_counter() - before)
    batches.close()
    return {
        "build": built - started,
        "order": arranged - built,
        "steps": float(len(order)),
        "ids": texts,
        "step": statistics.median(times),
    }


def _without_pixels(batches: PairBatches, order: np.ndarray, steps: int) -> float:
    """Median seconds of a batch less its pixels."""
    pixels = torch.zeros(1)
    store = batches._store  # only its `pixels` is left out
    kept, store.pixels = store.pixels, lambda _images: pixels  # type: ignore[method-assign]
    times = []
    for n in range(steps):
        before = time.perf_counter()
        batches.batch(order[n % len(order)])
        times.append(time.perf_counter() - before)
    store.pixels = kept  # type: ignore[method-assign]
    return statistics.median(times)


def memory(count: int) -> None:
    """Print how much memory this process holds and has held at most, after each part."""
    images = max(count // 121, 256)

    def pairs() -> Iterator[Pair]:
        for n in range(count):
            a, b, c, d = (n // 10**k % 10 for k in range(4))
            true, false = (
                f"The {WORDS[a]} {THINGS[b]} is to the left of the {WORDS[c]} {THINGS[x]} number {n}."
                for x in (d, (d + 1) % 10)
            )
            image = n * images // count
            yield Pair(
                image=f"{image}.jpg", image_id=str(image), caption=true, negative=false, kind=WORDS[a], source="hnc"
            )

    def say(part: str) -> None:
        now = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(f"{part:<30}{now:>8,.0f} MiB now, {peak:>8,.0f} MiB at most, {time.perf_counter() - started:>6.0f} s")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.parquet"
        started = time.perf_counter()
        say("start")
        write_pairs(path, pairs(), PairsMeta())
        say("table written")
        opened = open_pairs(path)
        say(f"opened, {path.stat().st_size / 2**20:,.0f} MiB on disk")
        if not isinstance(opened.pairs, StoredRows):
            raise TypeError
        keys = {name: n for n, name in enumerate(opened.pairs.images.names)}
        made = PairBatches(opened, Tokenizer(), Preprocess(224), batch_size=256, image_keys=keys)
        say("tokenised")
        order = made.epoch(0).batches
        say(f"order of {len(order):,} steps")
        made.epoch(1)
        say("order of another epoch")
        _without_pixels(made, order, 300)
        say("300 batches, without pixels")
        made.close()


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--negatives", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, metavar="PAIRS", help="Measure memory instead, on so many pairs on disk.")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        print(f"{platform.machine()}, {os.cpu_count()} cores; {options.memory:,} pairs")
        memory(options.memory)
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores; batch {options.batch}, K {options.negatives}")
    print(
        f"{'epoch of':<10}{'pairs':>10}{'build s':>9}{'order s':>9}{'steps':>8}{'order/s':>12}"
        f"{'ids/s':>9}{'batches/s':>11}"
    )
    for each in ("pairs", "images"):
        for count in (options.examples // 100, options.examples // 10, options.examples):
            with tempfile.TemporaryDirectory() as folder:
                images = min(options.images, max(options.batch * 4, count // 10))
                found = measure(Path(folder), count, images, options, each)
            print(
                f"{each:<10}{count:>10,}{found['build']:>9.2f}{found['order']:>9.3f}{found['steps']:>8,.0f}"
                f"{found['steps'] / found['order']:>12,.0f}{1 / found['ids']:>9,.0f}{1 / found['step']:>11,.1f}"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
