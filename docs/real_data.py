"""What real-data.md needs beside `hairsplit`: the training table as CSV, and benchmarks in their published layouts.

Usage: python real_data.py REAL OUT, where OUT holds generated.parquet; it gets train.csv, sugarcrepe, valse, vsr, nlvr.
"""

import csv
import gzip
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Row = dict[str, Any]


def rows(file: Path) -> list[Row]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def write(file: Path, text: str) -> None:
    """Write a file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def training_table(real: Path, generated: Path, out: Path) -> None:
    """Write the five human captions of each training photo, which have no negative, and the generated pairs."""
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["image", "caption", "negative", "kind"])
        table.writeheader()
        for photo in rows(real / "flickr8k/captions.jsonl"):
            if photo["set"] == "train":
                for caption in photo["captions"]:
                    table.writerow({"image": photo["image"], "caption": caption, "kind": "human_caption"})
        table.writerows(pq.read_table(generated, columns=table.fieldnames).to_pylist())


def coco(real: Path, out: Path) -> None:
    """Write SugarCrepe, VALSE and VSR as they are published, those rows whose photos are here."""
    groups: dict[Path, dict[str, Row]] = defaultdict(dict)
    for number, row in enumerate(rows(real / "coco_bench/triplets.jsonl")):
        suite, _, kind = row["type"].partition("_")
        names = {"sugarcrepe": ("filename", "negative_caption"), "valse": ("image_file", "foil")}.get(suite)
        if names:
            item = {names[0]: row["image"], "caption": row["caption"], names[1]: row["negative"]}
            groups[out / suite / f"{kind}.json"][str(number)] = item | {"mturk": row.get("mturk")}
    for file, items in groups.items():
        write(file, json.dumps(items))
    photos = rows(real / "coco_bench/captions.jsonl")
    said = [{"image": photo["image"], **statement} for photo in photos for statement in photo["vsr"]]
    write(out / "vsr/all_vsr_validated_data.jsonl", "\n".join(map(json.dumps, said)))


def nlvr(real: Path, out: Path) -> None:
    """Write NLVR's dev and test as they are published; drawings are known to show one scene by their graphs."""
    graphs = json.loads(gzip.decompress((real / "nlvr/scene_graphs.json.gz").read_bytes()))
    lines: dict[str, list[str]] = {"dev": [], "test": []}
    for row in rows(real / "nlvr/statements.jsonl"):
        if row["split"] in lines:
            name = row["image"].removesuffix(".png")
            identifier = name.removeprefix(f"{row['split']}-")
            said = {"identifier": identifier, "sentence": row["caption"], "label": str(row["label"]).lower()}
            scene = list(boxes(graphs[name]["objects"]))
            lines[row["split"]].append(json.dumps(said | {"directory": 0, "structured_rep": scene}))
            picture = out / f"nlvr/{row['split']}/images/0/{name}-0.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(real / "nlvr/images" / row["image"], picture)
    for split, texts in lines.items():
        write(out / f"nlvr/{split}/{split}.json", "\n".join(texts))


def boxes(things: dict[str, Row]) -> Iterator[list[Row]]:
    """The items of each of the three grey boxes, placed relative to it."""
    for name, box in things.items():
        if box["name"] == "box":
            items: Iterable[Row] = (t for t in things.values() if _is_in(t, name))
            yield [t | {"x": t["x"] - box["x"], "y": t["y"] - box["y"], "relations": []} for t in items]


def _is_in(thing: Row, box: str) -> bool:
    return any((relation["name"], relation["object"]) == ("in", box) for relation in thing["relations"])


if __name__ == "__main__":
    given, made = Path(sys.argv[1]), Path(sys.argv[2])
    training_table(given, made / "generated.parquet", made / "train.csv")
    coco(given, made)
    nlvr(given, made)
