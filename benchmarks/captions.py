"""Speed and memory of `hairsplit captions`, on seeded scene graphs of GQA's size.

    python benchmarks/captions.py --scenes 2000 --folder /tmp/captions

makes the graphs if they are not there (16 objects, 50 edges, three in four of them left or right, as in GQA; words by
Zipf's law), captions them in fresh processes, and prints images/s of one core (by CPU time) and the largest process of
each way. `--profile` shows where the time goes, in this process.
"""

import argparse
import contextlib
import cProfile
import json
import os
import platform
import pstats
import random
import sys
from pathlib import Path

from measured import measured

NOUNS = """
window man shirt tree wall person building ground sky sign head hand grass table hair leaf leg car pole water plate
chair ear woman shorts cloud fence people door trees jeans floor shoe road hat boy pants girl jacket helmet sidewalk
line field glasses bag bench flower nose snow face dog clouds roof bowl light tail street arm glass windows eye wheel
bottle shadow food tire shelf cup letter box cabinet pillow number tower mirror child bus train track elephant giraffe
horse zebra cow cat bird sheep bear umbrella truck lamp picture sink counter basket book bike motorcycle skateboard
surfboard skis racket ball glove kite boat airplane wing beach wave sand rock mountain hill bush path curtain bed
couch blanket towel rug cushion television laptop keyboard mouse phone screen desk clock vase napkin fork knife spoon
pizza sandwich cake donut banana apple orange carrot broccoli tomato onion cheese bread meat sauce rice egg salad
lettuce pepper mug pot pan stove oven refrigerator microwave toilet bathtub faucet tile brick stone bridge lamp post
traffic light street light stop sign license plate headlight bumper windshield seat handle button collar sleeve tie
belt sock boot sandal cap backpack purse suitcase necklace bracelet watch ring mustache beard mouth neck finger foot
knee shoulder back hoof mane horn trunk tusk fur feather beak paw collar leash saddle harness wagon cart trailer van
taxi police car ceiling staircase railing balcony porch chimney gate sidewalk curb crosswalk parking lot awning banner
flag poster painting frame candle chandelier plant flower pot leaves branch branches flowers bananas oranges carrots
chairs tables books cars boats sheep cows elephants giraffes zebras birds horses men women children shoes signs
letters buildings
"""
COMMON = ("to the left of", "to the right of")
PREDICATES = """
on, wearing, of, in, near, behind, in front of, holding, with, on top of, under, above, on the side of, next to,
sitting on, standing on, walking on, carrying, riding, hanging on, covered by, looking at, inside, by, leaning on,
attached to, walking in, parked on, growing on, covering, pulling, driving, eating, playing with, using, lying on,
standing in, sitting in, at, below, around
"""
ATTRIBUTES = """
white black green blue brown red gray yellow large small wood silver tall orange metal short pink standing long
sitting clear round open plastic glass old closed parked leafless bright dirty empty full wet dry striped tan beige
purple gold young dark light thin thick wooden brick concrete walking leafy lush calm cloudy smiling shiny curly
spotted paved on off
"""
SMALL, LARGE = (375, 500), (500, 640)


def vocabulary() -> list[str]:
    """About 1,500 nouns, common ones first; the rare ones are compounds, as they are in GQA."""
    plain = list(dict.fromkeys(NOUNS.split()))
    return plain + [f"{first} {second}" for first in plain[:60] for second in plain[60:80]]


def zipf(count: int) -> list[float]:
    """Cumulated weights of ranks."""
    total, found = 0.0, []
    for rank in range(count):
        total += 1 / (rank + 5)
        found.append(total)
    return found


ATTRIBUTE_LIST = ATTRIBUTES.split()
PREDICATE_LIST = [" ".join(name.split()) for name in PREDICATES.split(",")]


def graph(seed: int, number: int, nouns: list[str], weights: list[float], edges: int = 50) -> dict[str, object]:
    """A graph of 16 objects on average, with boxes, attributes and edges; directions are as the boxes say."""
    rng = random.Random(f"{seed} {number}")  # noqa: S311 - for graphs
    width, height = rng.choice(LARGE), rng.choice(SMALL)
    keys = [str(1_000_000 + 40 * number + i) for i in range(rng.randint(8, 24))]
    objects: dict[str, dict[str, object]] = {}
    boxes: dict[str, tuple[int, int, int, int]] = {}
    for key in keys:
        w, h = rng.randint(10, width // 3), rng.randint(10, height // 2)
        x, y = rng.randint(0, width - w), rng.randint(0, height - h)
        boxes[key] = (x, y, w, h)
        name = rng.choices(nouns, cum_weights=weights)[0]
        attributes = rng.choices(ATTRIBUTE_LIST, cum_weights=zipf(len(ATTRIBUTE_LIST)), k=rng.choice((0, 0, 1, 1, 2)))
        objects[key] = {"name": name, "x": x, "y": y, "w": w, "h": h, "attributes": attributes, "relations": []}
    for _ in range(edges * len(keys) // 32):
        s, o = rng.sample(keys, 2)
        left = boxes[s][0] + boxes[s][2] / 2 < boxes[o][0] + boxes[o][2] / 2
        forth, back = COMMON if left else COMMON[::-1]
        if rng.random() < 0.77:
            objects[s]["relations"].append({"name": forth, "object": o})  # type: ignore[attr-defined]
            objects[o]["relations"].append({"name": back, "object": s})  # type: ignore[attr-defined]
        else:
            for _ in range(2):
                s, o = rng.sample(keys, 2)
                name = rng.choices(PREDICATE_LIST, cum_weights=zipf(len(PREDICATE_LIST)))[0]
                objects[s]["relations"].append({"name": name, "object": o})  # type: ignore[attr-defined]
    return {"width": width, "height": height, "objects": objects}


def make(folder: Path, scenes: int, seed: int) -> Path:
    """The file of graphs, one JSON object as GQA's."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"graphs_{scenes}_{seed}.json"
    if not file.exists():
        nouns = vocabulary()
        weights, temporary = zipf(len(nouns)), file.with_suffix(".part")
        with temporary.open("w", encoding="utf-8") as out:
            for number in range(scenes):
                text = json.dumps(graph(seed, number, nouns, weights))
                out.write(f'{", " if number else "{"}"{2_300_000 + number}": {text}')
            out.write("}")
        temporary.replace(file)
    return file


def profile(file: Path, out: Path, options: list[str]) -> None:
    """Where the time goes, in this process."""
    from hairsplit.cli.main import main as run

    profiler = cProfile.Profile()
    profiler.enable()
    with contextlib.suppress(SystemExit):
        run(["captions", str(file), "--out", str(out), *options])
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def _start(captions: list[str], folder: Path, options: list[str]) -> float:
    """CPU seconds that the command takes for a single graph: what a process costs before it does anything."""
    out = folder / "one.parquet"
    out.unlink(missing_ok=True)
    return measured([*captions, str(make(folder, 1, 0)), "--out", str(out), *options])[1]


def main() -> None:
    """Make, caption, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--world", choices=("open", "closed"), default="open")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    file, out = make(args.folder, args.scenes, args.seed), args.folder / "pairs.parquet"
    options = ["--world", args.world]
    if args.profile:
        out.unlink(missing_ok=True)
        profile(file, out, options)
        return
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores"
    print(f"{platform.machine()}, {cores}, python {platform.python_version()}")
    print(f"{args.scenes:,} graphs, {file.stat().st_size / 1e6:,.0f} MB, {args.world} world")
    captions = [sys.executable, "-m", "hairsplit", "captions"]
    start = min(_start(captions, args.folder, options) for _ in range(3))
    found = set()
    for workers in args.workers:
        out.unlink(missing_ok=True)
        wall, cpu, memory = measured([*captions, str(file), "--out", str(out), *options, "--workers", str(workers)])
        found.add(out.read_bytes())
        print(
            f"--workers {workers}: {wall:6.1f} s, {args.scenes / wall:5.0f} images/s; by CPU time "
            f"{args.scenes / cpu:5.0f} images/s and core, {args.scenes / (cpu - start):5.0f} less the start of one "
            f"process ({start:.1f} s); largest process {memory:.2f} GiB; {out.stat().st_size / 1e6:.1f} MB of pairs"
        )
    if len(found) > 1:
        sys.exit("the bytes depend on the number of workers")


if __name__ == "__main__":
    main()
