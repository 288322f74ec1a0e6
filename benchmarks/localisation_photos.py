"""Where methods say that words lie in photographs, against boxes that people drew.

    python benchmarks/localisation_photos.py FOLDER [MODEL ...] [--photos 40] [--layers "0,-2 -1,-1"] [--set bench]

FOLDER has images/, captions.jsonl (a line for each photo: image, set, captions) and scene_graphs.json.gz in GQA's
layout, whose objects may have a `chain`: objects of one chain are one target, the union of their boxes. Of each photo
the caption is taken that names most of its objects, each by a word that stands in it once; the word is asked about, and
the word with its attribute where the caption has them side by side. Left out, and counted: photos whose captions name
no object, boxes outside of what the model sees, and boxes of more than 80 % of that, which say nothing of place.

The right-object rate is against the other named objects that share less than a tenth of the smaller box, where there is
one. 95 % intervals are clustered by photo; the last line is chance. A model that knows no photographs is at chance.
"""

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from localisation import MEASURES, RIVALS, Row, cell

from hairsplit.core.attribution import PixelBox
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import load
from hairsplit.explain import ExplainConfig, Explainer, clip_subject
from hairsplit.explain.localisation import Target, chance, locate, target
from hairsplit.explain.methods import METHODS

KINDS = ("object", "attribute + object")
APART = 0.1
"""Share of the smaller of two targets that they may have in common and still be two places."""


@dataclass(frozen=True)
class Named:
    """An object of a photo that its caption names."""

    name: str
    phrase: str | None
    """With its attribute, if they stand side by side."""
    boxes: tuple[PixelBox, ...]


@dataclass(frozen=True)
class Photo:
    """A photo, a caption of it, and the objects that it names."""

    image: str
    caption: str
    named: tuple[Named, ...]


def read(folder: Path, count: int, chosen: str) -> tuple[list[Photo], Counter[str]]:
    """The first `count` photos of a set whose captions name objects with boxes, and why others are left out."""
    with gzip.open(folder / "scene_graphs.json.gz", "rt", encoding="utf-8") as file:
        graphs = json.load(file)
    photos: list[Photo] = []
    left_out: Counter[str] = Counter()
    with (folder / "captions.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["set"] != chosen or len(photos) == count:
                continue
            things = _chains(graphs.get(Path(row["image"]).stem, {}).get("objects", {}))
            found = [(caption, _named(caption, things)) for caption in row["captions"]]
            caption, named = max(found, key=lambda one: len(one[1]))
            if named:
                photos.append(Photo(row["image"], caption, named))
            else:
                left_out["photos whose captions name no object"] += 1
    return photos, left_out


def _chains(objects: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Objects that are one target."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key, thing in objects.items():
        found.setdefault(thing.get("chain", key), []).append(thing)
    return list(found.values())


def _named(caption: str, things: Sequence[Sequence[dict[str, Any]]]) -> tuple[Named, ...]:
    text = " ".join(caption.lower().split())
    names = Counter(name for one in things for name in {thing["name"] for thing in one})
    found = []
    for one in things:
        name = one[0]["name"]
        if names[name] > 1 or len(re.findall(rf"(?<!\S){re.escape(name)}(?!\S)", text)) != 1:
            continue  # more than one thing of the name, or not named, or not once
        phrases = [f"{attribute} {name}" for attribute in one[0].get("attributes", ())]
        phrase = next((p for p in phrases if re.search(rf"(?<!\S){re.escape(p)}(?!\S)", text)), None)
        boxes = tuple((t["x"], t["y"], t["x"] + t["w"], t["y"] + t["h"]) for t in one)
        found.append(Named(name, phrase, boxes))
    return tuple(found)


def rows_of(
    made: Explainer, method: str, photos: Sequence[Photo], images: Path, left_out: Counter[str]
) -> Iterator[Row]:
    """Every heat of one method."""
    for photo in photos:
        side = made.image_side(images / photo.image)
        places = []
        for one in photo.named:
            try:
                place = target(side.view, one.boxes)
            except HairsplitError:
                left_out["objects outside of what the model sees"] += 1
                continue
            if place.is_large:
                left_out["objects of more than 80 % of the picture"] += 1
            else:
                places.append((one, place))
        asked = [
            (place, kind, words)
            for one, place in places
            for kind, words in zip(KINDS, (one.name, one.phrase), strict=True)
            if words
        ]
        if not asked:
            continue
        heats = METHODS[method].heats(made, side, photo.caption, [words for _, _, words in asked])
        for (place, kind, _), heat in zip(asked, heats, strict=True):
            others = [other for _, other in places if other is not place and _apart(place, other)]
            yield Row(photo.image, kind, locate(heat, place, others), chance(place, others))


def _apart(one: Target, other: Target) -> bool:
    shared = np.minimum(one.shares, other.shares).sum()
    return bool(shared < APART * min(one.shares.sum(), other.shares.sum()))


def main() -> None:
    """Read the arguments, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="*", default=["tiny"])
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--set", default="bench")
    parser.add_argument("--layers", default="0,-2 -1,-1")
    parser.add_argument("--rivals", nargs="*", default=RIVALS)
    parser.add_argument("--tolerance", type=float, default=1e-2)
    asked = parser.parse_args()
    photos, left_out = read(asked.folder, asked.photos, asked.set)
    if not photos:
        raise HairsplitError("no photo qualifies", where=str(asked.folder), hint="see the head of this file")
    for model in asked.models:
        subject, began = clip_subject(load(model)), time.process_time()
        tables: dict[str, list[Row]] = {}
        counts = Counter(left_out)
        for pair in asked.layers.split():
            text, image = map(int, pair.split(","))
            made = Explainer(subject, ExplainConfig(text_layer=text, image_layer=image, tolerance=asked.tolerance))
            counts = Counter(left_out)  # the same for every method
            tables[f"second_order ({pair})"] = list(
                rows_of(made, "second_order", photos, asked.folder / "images", counts)
            )
        last = Explainer(subject, ExplainConfig(text_layer=-1, image_layer=-1))
        for name in asked.rivals:
            tables[name] = list(rows_of(last, name, photos, asked.folder / "images", Counter()))
        missing = ", ".join(f"{n} {why}" for why, n in counts.items())
        print(f"{Path(model).name}: {len(photos)} photos; left out: {missing}")
        for kind in KINDS:
            first = [row for row in next(iter(tables.values())) if row.kind == kind]
            if not first:
                continue
            print(f"\n{kind} (n = {len(first)} spans of {len({row.image for row in first})} photos)\n")
            print(f"| method (text, image layer) | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
            for name, rows in tables.items():
                mine = [row for row in rows if row.kind == kind]
                print(f"| {name} | {' | '.join(cell(mine, measure) for measure in MEASURES.values())} |")
            print(f"| chance | {' | '.join(cell(first, measure, guess=True) for measure in MEASURES.values())} |")
        print(f"\n{time.process_time() - began:.0f} CPU seconds\n", flush=True)


if __name__ == "__main__":
    main()
