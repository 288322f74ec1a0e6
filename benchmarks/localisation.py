"""Where methods say that words lie, against the boxes of drawn scenes, before and after fine-tuning.

    python benchmarks/localisation.py DRAWN [MODEL ...] [--scenes 40] [--layers "0,0 0,-1 ..."] [--curves 0]

DRAWN is a folder of `hairsplit draw`. Scenes are those of its test split with two or more objects, no two of which
share a colour, a shape or a place: any word then is true of one object, and a heat on another is wrong. For each
object the colour word, the shape word and both are asked about, in the scene's own caption. PGE, PGA and the
right-object rate with 95 % intervals clustered by image; layers are text,image. The last line of each block is what
chance gets.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from hairsplit.core.attribution import PixelBox
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.encoders.dual_encoder import load
from hairsplit.evaluate.statistics import clustered_mean
from hairsplit.explain import ExplainConfig, Explainer, clip_subject, explain_caption
from hairsplit.explain.config import ImageReference
from hairsplit.explain.localisation import Direction, Located, Target, chance, curve, locate, target
from hairsplit.explain.methods import METHODS
from hairsplit.explain.removal import patch_score
from hairsplit.scenes.drawing.sample import COLOURS

KINDS = ("colour", "shape", "colour + shape")
MEASURES = {"PGE": "energy", "PGA": "peak", "right object": "right"}
FILLS: tuple[ImageReference, ...] = ("mean", "blur")
WAYS: tuple[Direction, ...] = ("insertion", "deletion")
RIVALS = [name for name in METHODS.names() if name != "second_order"]


@dataclass(frozen=True)
class Drawn:
    """A scene whose words are each true of one object."""

    image: str
    caption: str
    names: tuple[tuple[str, str], ...]
    """Colour and shape of each object."""
    boxes: tuple[PixelBox, ...]


@dataclass(frozen=True)
class Row:
    """One heat."""

    image: str
    kind: str
    found: Located
    guess: Located


def read(folder: Path, count: int) -> tuple[list[Drawn], dict[str, int]]:
    """The first `count` scenes that qualify, and why others before them do not."""
    graphs = json.loads((folder / "scene_graphs.json").read_text("utf-8"))
    scenes: list[Drawn] = []
    left_out = {"one object": 0, "a colour or shape twice": 0, "boxes that overlap": 0}
    with (folder / "captions.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["split"] != "test" or len(scenes) == count:
                continue
            things = list(graphs[Path(row["image"]).stem]["objects"].values())
            boxes = tuple((o["x"], o["y"], o["x"] + o["w"], o["y"] + o["h"]) for o in things)
            names = [(next(a for a in o["attributes"] if a in COLOURS), o["name"]) for o in things]
            if len(things) < 2:
                left_out["one object"] += 1
            elif any(len(set(column)) < len(things) for column in zip(*names, strict=True)):
                left_out["a colour or shape twice"] += 1
            elif any(_overlap(one, other) for one, other in combinations(boxes, 2)):
                left_out["boxes that overlap"] += 1
            else:
                scenes.append(Drawn(row["image"], row["captions"][0], tuple(names), boxes))
    return scenes, left_out


def _overlap(one: PixelBox, other: PixelBox) -> bool:
    return all(max(one[n], other[n]) < min(one[n + 2], other[n + 2]) for n in (0, 1))


def spans(scene: Drawn) -> list[tuple[int, str, str]]:
    """Number of the object, kind, words."""
    rows = []
    for n, (colour, shape) in enumerate(scene.names):
        rows += [(n, "colour", colour), (n, "shape", shape), (n, "colour + shape", f"{colour} {shape}")]
    return rows


def rows_of(made: Explainer, method: str, scenes: Sequence[Drawn], images: Path) -> Iterator[Row]:
    """Every heat of one method."""
    for scene in scenes:
        side = made.image_side(images / scene.image)
        where: list[Target] = [target(side.view, [box]) for box in scene.boxes]
        asked = spans(scene)
        heats = METHODS[method].heats(made, side, scene.caption, [words for _, _, words in asked])
        for (n, kind, _), heat in zip(asked, heats, strict=True):
            others = where[:n] + where[n + 1 :]
            yield Row(scene.image, kind, locate(heat, where[n], others), chance(where[n], others))


def cell(rows: Sequence[Row], measure: str, *, guess: bool = False) -> str:
    """Mean and interval; heats without a positive value are left out and counted."""
    pairs = [(getattr(row.guess if guess else row.found, measure), row.image) for row in rows]
    known = [(value, image) for value, image in pairs if not math.isnan(value)]
    if not known:
        return "-"
    got = clustered_mean([value for value, _ in known], [image for _, image in known])
    missing = f" ({len(pairs) - len(known)} undefined)" if len(known) < len(pairs) else ""
    return f"{got.value:.3f}" if guess else f"{got.value:.3f} [{got.low:.2f}, {got.high:.2f}]{missing}"


def block(title: str, tables: dict[str, list[Row]]) -> None:
    """Print a model's tables."""
    for kind in KINDS:
        first = [row for row in next(iter(tables.values())) if row.kind == kind]
        print(f"\n{title}, {kind} (n = {len(first)} spans of {len({row.image for row in first})} images)\n")
        print(f"| method (text, image layer) | {' | '.join(MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
        for name, rows in tables.items():
            mine = [row for row in rows if row.kind == kind]
            print(f"| {name} | {' | '.join(cell(mine, measure) for measure in MEASURES.values())} |")
        print(f"| chance | {' | '.join(cell(first, measure, guess=True) for measure in MEASURES.values())} |")


def curves(made: Explainer, scenes: Sequence[Drawn], images: Path, title: str) -> None:
    """Areas of insertion and deletion by the whole caption's heat, and by colour + shape of the first object."""
    areas: dict[tuple[str, str], list[float]] = {}
    for number, scene in enumerate(scenes):
        picture = decode(images / scene.image)
        whole = explain_caption(made, made.image_side(picture), scene.caption)
        span = " ".join(scene.names[0])
        noise = np.random.default_rng(number).random(whole.view.rows * whole.view.columns)
        for name, heat, without in (("plain", whole.heat(), None), ("span", whole.heat(span), span)):
            for fill in FILLS:
                score = patch_score(made, picture, scene.caption, fill=fill, without=without)
                for way in WAYS:
                    areas.setdefault((f"{name}, {fill}", way), []).append(curve(heat, score, way).area)
                    areas.setdefault((f"{name}, {fill}", f"{way}, random"), []).append(curve(noise, score, way).area)
    columns = ["insertion", "insertion, random", "deletion", "deletion, random"]
    print(f"\n{title}: median area of curves over {len(scenes)} images (insertion high, deletion low is good)\n")
    print(f"| score, fill | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name in dict.fromkeys(first for first, _ in areas):
        numbers = [float(np.nanmedian(np.array(areas[name, column]))) for column in columns]
        print(f"| {name} | {' | '.join(f'{value:.3f}' for value in numbers)} |")


def main() -> None:
    """Read the arguments, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("drawn", type=Path)
    parser.add_argument("models", nargs="*", default=["tiny"])
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--layers", default="0,0 0,1 0,-2 0,-1 1,0 1,1 -1,0 -1,-1")
    parser.add_argument("--rivals", nargs="*", default=RIVALS)
    parser.add_argument("--curves", type=int, default=0, help="Scenes for insertion and deletion curves.")
    parser.add_argument("--tolerance", type=float, default=1e-2)
    asked = parser.parse_args()
    scenes, left_out = read(asked.drawn, asked.scenes)
    if not scenes:
        raise HairsplitError("no scene qualifies", where=str(asked.drawn), hint="draw more")
    print(f"{len(scenes)} scenes; left out before: {', '.join(f'{n} {why}' for why, n in left_out.items())}")
    images = asked.drawn / "images"
    for model in asked.models:
        subject, tables = clip_subject(load(model)), {}
        title = Path(model).name
        began = time.process_time()
        for pair in asked.layers.split():
            text, image = map(int, pair.split(","))
            made = Explainer(subject, ExplainConfig(text_layer=text, image_layer=image, tolerance=asked.tolerance))
            tables[f"second_order ({pair})"] = list(rows_of(made, "second_order", scenes, images))
        last = Explainer(subject, ExplainConfig(text_layer=-1, image_layer=-1))
        for name in asked.rivals:
            tables[name] = list(rows_of(last, name, scenes, images))
        block(title, tables)
        print(f"\n{title}: {time.process_time() - began:.0f} CPU seconds")
        if asked.curves:
            made = Explainer(subject, ExplainConfig(text_layer=0, image_layer=0, tolerance=asked.tolerance))
            curves(made, scenes[: asked.curves], images, title)


if __name__ == "__main__":
    main()
