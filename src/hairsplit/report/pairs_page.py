"""Pairs as a person checks them: picture with boxes, both captions with the edited words marked, the evidence."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from hairsplit.report import wording
from hairsplit.report.pictures import Gallery, Picture

COLOURS = 5
"""Box colours in styles.css; further objects of a picture use them again."""
SLACK = 1.02
"""Annotated boxes stand out of their picture by a pixel or two; by more, they are of a picture of another size."""
Row = Mapping[str, Any]


def pairs_view(rows: Sequence[Row], gallery: Gallery, root: Path, *, shown: bool = True) -> list[dict[str, Any]]:
    """What the template shows of a look at a table, kind by kind.

    Args:
        rows: As of `evaluate.audit_sample.sample_pairs`, those of a kind together.
        gallery: For the pictures.
        root: Images root.
        shown: Whether there are pictures at all; without any, rows are text only.
    """
    return [
        {
            "kind": wording.named(kind),
            "cards": [_card(row, gallery.picture(root, row["image"]) if shown else None) for row in members],
        }
        for kind, members in groupby(rows, key=lambda row: str(row["kind"]))
    ]


def _card(row: Row, picture: Picture | None) -> dict[str, Any]:
    caption, negative = wording.marked(row["caption"], row["negative"])
    boxes, problem = boxes_on(row.get("boxes"), picture)
    reasons = [wording.named(str(row[name])) for name in ("edit_role", "evidence") if row.get(name)]
    return {
        "row": row["row"],
        "image": row["image"],
        "caption": caption,
        "negative": negative,
        "picture": picture,
        "boxes": boxes,
        "problem": problem,
        "reasons": reasons,
    }


def boxes_on(text: str | None, picture: Picture | None) -> tuple[list[dict[str, Any]], str]:
    """Boxes in per cent of the picture, one for each object, with a label; and why none are shown, if so.

    Args:
        text: Column `boxes` of a pairs table: a JSON list of {id, noun, role, x, y, w, h}, pixels of the picture.
        picture: What they are drawn on.
    """
    if not text or picture is None or picture.problem:
        return [], ""
    try:
        given = [{**box, **{side: float(box[side]) for side in "xywh"}} for box in json.loads(text)]
    except (ValueError, TypeError, KeyError, RecursionError):
        return [], "boxes not readable"
    if not all(math.isfinite(box[side]) for box in given for side in "xywh"):
        return [], "boxes not readable"
    width, height = picture.full_width, picture.full_height
    if any(box["x"] + box["w"] > SLACK * width + 1 or box["y"] + box["h"] > SLACK * height + 1 for box in given):
        return [], f"boxes are of a picture larger than this one ({width} x {height})"
    objects: dict[str, dict[str, Any]] = {}
    for box in given:
        place = [100 * box["x"] / width, 100 * box["y"] / height, 100 * box["w"] / width, 100 * box["h"] / height]
        entry = objects.setdefault(
            str(box.get("id", place)),
            {"place": [f"{value:.2f}" for value in place], "noun": str(box.get("noun", "")), "roles": []},
        )
        entry["roles"].append(wording.named(str(box.get("role", ""))))
    for number, entry in enumerate(objects.values()):
        entry["colour"] = number % COLOURS
        entry["roles"] = ", ".join(dict.fromkeys(role for role in entry["roles"] if role))
    return list(objects.values()), ""
