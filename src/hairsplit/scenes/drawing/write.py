"""Write a drawn data set: pictures, graphs, captions, a recognition set; the same bytes for any number of workers."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import filled_folder
from hairsplit.core.types import Scene
from hairsplit.core.workers import by_portions
from hairsplit.scenes.drawing.describe import full_description
from hairsplit.scenes.drawing.render import render
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, DrawnWorld, scene, single, split_sizes
from hairsplit.scenes.readers.gqa import write_scenes

CHUNK = 250
PROMPTS = ("{a}", "{a} on the left", "{a} on the right", "{a} at the top", "{a} at the bottom")
"""Prompt templates of the recognition set."""
SHEET = 60
"""Scenes on the contact sheet."""


@dataclass(frozen=True, kw_only=True)
class DrawReport:
    """What was drawn."""

    out: Path
    scenes: dict[str, int]
    """Split -> scenes."""
    recognition: int
    """Pictures of single objects, in 64 classes."""

    def __str__(self) -> str:
        parts = ", ".join(f"{count:,} {split}" for split, count in self.scenes.items() if count)
        scenes = "scene" if sum(self.scenes.values()) == 1 else "scenes"
        singles = f" and {self.recognition:,} pictures of 64 classes" if self.recognition else ""
        return f"{parts} {scenes}{singles} are in {self.out}"


def draw(
    out: Path,
    *,
    count: int,
    seed: int = 0,
    world: DrawnWorld | None = None,
    recognition: int = 10,
    workers: int = 1,
    tick: Callable[[int], None] | None = None,
) -> DrawReport:
    """Draw `count` scenes into a new folder.

    The folder then holds images/, scene_graphs.json (GQA layout with `split`), captions.jsonl (a full description of
    each scene), recognition/<colour_shape>/ with `recognition` pictures a class, and contact_sheet.png.

    Raises:
        HairsplitError: A number is out of bounds, or `out` exists or cannot be written to.
    """
    world = world or DrawnWorld()
    _check(count, recognition, world)
    sizes = split_sizes(count)
    names = [(f"{split}_{n:06d}", split) for split, size in sizes.items() for n in range(size)]
    with filled_folder(out) as folder:  # stopped half-way, nothing stays that looks like a data set
        (folder / "images").mkdir()
        scenes: list[Scene] = []
        job = (world, seed, folder / "images")
        for part in by_portions(_draw_scenes, job, names, size=CHUNK, workers=workers, label="drawing scenes"):
            scenes += part
            if tick:
                tick(len(part))
        write_scenes(folder / "scene_graphs.json", scenes)
        with (folder / "captions.jsonl").open("w", encoding="utf-8") as file:
            for one in scenes:
                row = {"image": one.image, "split": one.split, "captions": [full_description(one)]}
                file.write(json.dumps(row) + "\n")
        singles = _recognition(folder / "recognition", world, seed, recognition)
        _contact_sheet(scenes[: SHEET * 5 : 5] or scenes, seed).save(folder / "contact_sheet.png")
    return DrawReport(out=out, scenes=sizes, recognition=singles)


def _check(count: int, recognition: int, world: DrawnWorld) -> None:
    hint = "`hairsplit draw --help` gives the bounds"
    if count < 1:
        raise HairsplitError(f"nothing to draw: count is {count}", where="--count", hint=hint)
    if not 24 <= world.size <= 512:
        raise HairsplitError(f"size={world.size} is not between 24 and 512 pixels", where="--size", hint=hint)
    if not 1 <= world.max_things <= 4:
        raise HairsplitError(f"max_things={world.max_things} is not between 1 and 4", where="--max-things", hint=hint)
    if recognition < 0:
        raise HairsplitError(f"recognition={recognition} is negative", where="--recognition", hint=hint)


def _draw_scenes(job: tuple[DrawnWorld, int, Path], names: Sequence[tuple[str, str]]) -> list[Scene]:
    world, seed, folder = job
    scenes = [scene(world, seed, image_id, split) for image_id, split in names]
    for one in scenes:
        _save(one, seed, folder)
    return scenes


def _save(one: Scene, seed: int, folder: Path) -> None:
    encoded = io.BytesIO()  # Pillow takes longer to write to a file piece by piece
    # Level 1 writes a third faster than the default and 64 px pictures stay at about a kilobyte.
    Image.fromarray(render(one, seed)).save(encoded, "PNG", compress_level=1)
    (folder / str(one.image)).write_bytes(encoded.getvalue())


def _recognition(folder: Path, world: DrawnWorld, seed: int, per_class: int) -> int:
    if not per_class:
        return 0
    for colour in COLOURS:
        for shape in SHAPES:
            place = folder / f"{colour}_{shape}"
            place.mkdir(parents=True)
            for n in range(per_class):
                _save(single(world, seed, f"{colour}_{shape}_{n:03d}", colour, shape), seed, place)
    (folder / "prompts.txt").write_text("\n".join(PROMPTS) + "\n", "utf-8")
    return per_class * len(COLOURS) * len(SHAPES)


def _contact_sheet(scenes: Sequence[Scene], seed: int, columns: int = 10) -> Image.Image:
    """Some scenes side by side, enlarged to 128 px each."""
    side = 128
    rows = -(-min(len(scenes), SHEET) // columns)
    sheet = np.full((rows * (side + 4), columns * (side + 4), 3), 90, np.uint8)
    for n, one in enumerate(scenes[:SHEET]):
        picture = Image.fromarray(render(one, seed)).resize((side, side), Image.Resampling.BILINEAR)
        y, x = (n // columns) * (side + 4) + 2, (n % columns) * (side + 4) + 2
        sheet[y : y + side, x : x + side] = np.asarray(picture)
    return Image.fromarray(sheet)
