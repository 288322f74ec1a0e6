"""Speed and memory of `hairsplit import hnc`, on a seeded file of HNC's schema.

    python benchmarks/hnc_import.py --megabytes 1000 --folder /tmp/hnc

makes the file (and one picture per image) if it is not there, imports it in fresh processes, and prints MB/s and peak
memory of each way, and with --yardstick those of parsing alone. Sentences are made up here; field names, sizes
and the share of each type are those of HNC's train file.
"""

import argparse
import json
import os
import platform
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from measured import measured
from PIL import Image

NOUNS = ("cup", "plate", "table", "chair", "man", "woman", "dog", "cat", "tree", "car", "bus", "sign", "window", "door")
ATTRIBUTES = ("red", "blue", "green", "black", "white", "brown", "gray", "small", "large", "tall", "wooden", "open")
PREDICATES = ["to the left of", "to the right of", "on", "in", "near", "behind", "in front of", "under", "wearing"]
TYPES = ["relation_subj", "relation_obj", "relation_pred", "attribute", "object", "attribute_subg", "obj_verify_count"]
PAIRS_PER_IMAGE = 242
PARSE = """
import sys, msgspec
from pathlib import Path

class Caption(msgspec.Struct, gc=False):
    caption: str
    label: int
    type: str
    cpt_p_id: int | None

class Image(msgspec.Struct, gc=False):
    captions: dict[str, Caption]

msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=dict[str, Image])
"""


def entry(rng: random.Random, number: int, positive: int | None) -> str:
    """One caption with all fields of the published file; `positive` is its partner's id if it is a negative."""
    subject, other, attribute = rng.choice(NOUNS), rng.choice(NOUNS), rng.choice(ATTRIBUTES)
    predicate = rng.choice(PREDICATES)
    boxes = ", ".join(
        f'"{rng.randrange(600_000, 4_000_000)}": {{"bbox": {{"x": {rng.randrange(400)}, "y": {rng.randrange(300)}, '
        f'"w": {rng.randrange(1, 200)}, "h": {rng.randrange(1, 200)}}}, "name": "{name}"}}'
        for name in (subject, other)
    )
    replaced = "null" if positive is None else f'["{subject}", "{other}"]'
    ambiguous, noisy = json.dumps(rng.random() < 0.1), json.dumps(rng.random() < 0.05)
    return (
        f'"{number}": {{"caption": "The {attribute} {subject} number {number} is {predicate} the {other}.", '
        f'"label": {int(positive is None)}, "type": "{rng.choice(TYPES)}", '
        f'"textual_label": {"null" if positive is None else json.dumps(attribute)}, "bboxes": {{{boxes}}}, '
        f'"ambiguity": {{"subgraph": ["{subject}", "{predicate}", "{other}"], "ambiguous": {ambiguous}, '
        f'"count": {rng.randrange(3)}}}, "noisy": {noisy}, "replaced": {replaced}, '
        f'"cpt_p_id": {json.dumps(positive)}}}'
    )


def images(seed: int) -> Iterator[tuple[str, str]]:
    """Image id and its annotations, without end."""
    number, image = 0, 2_300_000
    while True:
        rng = random.Random(f"{seed} {image}")  # noqa: S311 - for sentences
        captions = []
        for _ in range(PAIRS_PER_IMAGE):
            captions += [entry(rng, number, None), entry(rng, number + 1, number)]
            number += rng.choice((2, 4, 8))
        yield str(image), f'"{image}": {{"captions": {{{", ".join(captions)}}}}}'
        image += 1


def make(folder: Path, megabytes: int, seed: int) -> Path:
    """The file and its pictures (375 x 500 noise-free JPEGs: finding is what is measured, not decoding)."""
    file = folder / f"hnc_{megabytes}MB_{seed}.json"
    pictures = folder / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    plain = folder / "plain.jpg"
    Image.linear_gradient("L").resize((500, 375)).convert("RGB").save(plain)
    if not file.exists():
        temporary, size = file.with_suffix(".part"), 0
        with temporary.open("w", encoding="utf-8") as out:
            for name, text in images(seed):
                out.write((", " if size else "{") + text)
                size += len(text)
                (pictures / f"{name}.jpg").write_bytes(plain.read_bytes())
                if size >= megabytes * 1_000_000:
                    break
            out.write("}")
        temporary.replace(file)
    return file


def main() -> None:
    """Make, import, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--checks", nargs="*", default=["none", "exists", "decode"])
    parser.add_argument("--yardstick", action="store_true", help="Also parsing alone, and json.load.")
    args = parser.parse_args()
    file = make(args.folder, args.megabytes, args.seed)
    size = file.stat().st_size / 1e6
    cores = f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores"
    print(f"{platform.machine()}, {cores}, python {platform.python_version()}")
    print(f"{file.name}: {size:,.0f} MB, {len(list((args.folder / 'images').iterdir())):,} pictures")
    command = [sys.executable, "-m", "hairsplit", "import", "hnc", str(file), "--images", str(args.folder / "images")]
    out = args.folder / "pairs.parquet"
    hashes = set()
    for check in args.checks:
        for workers in args.workers:
            more = ["--out", str(out), "--overwrite", "--check-images", check, "--workers", str(workers)]
            wall, cpu, memory = measured([*command, *more])
            hashes.add((check, out.read_bytes()))
            print(
                f"--check-images {check:<6} --workers {workers}: {wall:6.1f} s, {size / wall:5.0f} MB/s "
                f"(by CPU time {size / cpu:5.0f} MB/s), largest process {memory:.2f} GiB"
            )
    if len(hashes) != len(args.checks):
        sys.exit("the bytes depend on the number of workers")
    if args.yardstick:
        wall, cpu, memory = measured([sys.executable, "-c", PARSE, str(file)])
        print(f"msgspec alone, whole file, same fields: {size / cpu:.0f} MB/s by CPU time, {memory:.2f} GiB")
        wall, cpu, memory = measured(
            [sys.executable, "-c", "import hairsplit.data.importing, hairsplit.encoders.tokens"]
        )
        print(f"start of the program, in all of the above: {cpu:.1f} s of CPU time, {memory:.2f} GiB")
        small = make(args.folder, args.megabytes // 10, args.seed)
        load = "import json, sys; json.load(open(sys.argv[1]))"
        wall, cpu, memory = measured([sys.executable, "-c", load, str(small)])
        print(f"json.load alone, of a tenth: {small.stat().st_size / 1e6 / cpu:.0f} MB/s by CPU time, {memory:.2f} GiB")


if __name__ == "__main__":
    main()
