"""Real rows of real benchmarks, written in the layout in which each is published."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hairsplit.evaluate.benchmarks import BENCHMARKS

Row = dict[str, Any]


def rows(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def write_lines(path: Path, values: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values), "utf-8")


def sugarcrepe(shared: Path, folder: Path) -> Path:
    """66 rows of seven files; returns the folder of their pictures."""
    real = shared / "realdata" / "coco_bench"
    for file in BENCHMARKS["sugarcrepe"].files:
        kind = f"sugarcrepe_{file.name.removesuffix('.json')}"
        mine = [row for row in rows(real / "triplets.jsonl") if row["type"] == kind]
        items = [
            {"filename": row["image"], "caption": row["caption"], "negative_caption": row["negative"]} for row in mine
        ]
        write(folder / file.name, {str(n): item for n, item in enumerate(items)})
    return real / "images"


def valse(shared: Path, folder: Path) -> Path:
    """15 rows of three of the eleven files."""
    real = shared / "realdata" / "coco_bench"
    for file in BENCHMARKS["valse"].files:
        kind = f"valse_{file.name.removesuffix('.json')}"
        mine = [row for row in rows(real / "triplets.jsonl") if row["type"] == kind]
        if mine:
            items = [
                {
                    "image_file": row["image"],
                    "caption": row["caption"],
                    "foil": row["negative"],
                    "mturk": row["mturk"],
                    "linguistic_phenomena": kind,
                }
                for row in mine
            ]
            write(folder / file.name, {f"{kind}_{n}": item for n, item in enumerate(items)})
    return real / "images"


def vsr(shared: Path, folder: Path) -> Path:
    """Every real statement, true or false, about the photos."""
    real = shared / "realdata" / "coco_bench"
    statements = [
        {"image": row["image"], **statement} for row in rows(real / "captions.jsonl") for statement in row["vsr"]
    ]
    write_lines(folder / "all_vsr_validated_data.jsonl", statements)
    return real / "images"


def nlvr(shared: Path, folder: Path, most: int | None = None) -> Path:
    """The first `most` statements of dev and test with their drawings, and rows for scenes that two prompts share."""
    real = shared / "realdata" / "nlvr"
    for split in ("dev", "test"):
        mine = [row for row in rows(real / "statements.jsonl") if row["split"] == split]
        mine.sort(key=lambda row: row["image"])
        kept = {row["image"]: _example(row["image"], row["caption"], row["label"]) for row in mine[:most]}
        others = []
        for n, row in enumerate(rows(real / "triplets.jsonl")):
            if row["type"] == "nlvr_shared_scene" and row["image"] in kept:
                scene = [[{"x_loc": n, "color": "Black"}], [], []]
                kept[row["image"]]["structured_rep"] = scene
                # the order of boxes does not matter
                others.append(
                    {"identifier": f"9{n:05}-0", "sentence": row["negative"], "label": "false", "directory": 0}
                    | {"structured_rep": scene[::-1]}
                )
        write_lines(folder / split / f"{split}.json", [*kept.values(), *others])
        images = folder / split / "images" / "0"
        images.mkdir(parents=True, exist_ok=True)
        for name in kept:
            shutil.copyfile(real / "images" / name, images / f"{name.removesuffix('.png')}-0.png")
    return folder


def _example(image: str, sentence: str, label: bool) -> Row:
    identifier = image.removesuffix(".png").split("-", 1)[1]
    return {"identifier": identifier, "sentence": sentence, "label": str(label).lower(), "directory": 0}
