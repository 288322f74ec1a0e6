"""From proven pairs of sentences to rows of the pairs table, with where they come from."""

import json
import re
from collections.abc import Iterator
from typing import Any

from hairsplit.captions._balance_slots import template
from hairsplit.captions.filters import Group
from hairsplit.captions.form import to_json
from hairsplit.core.run import text_hash
from hairsplit.core.types import Pair, Scene
from hairsplit.scenes.facts import Entity

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_SIDE = re.compile(r"\b(?:left|right)\b", re.IGNORECASE)
_SIDEWAYS = re.compile(r'"p":"to the (?:left|right) of"')
_MIRRORED = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}


def rows_of(scene: Scene, source: str, group: Group) -> Iterator[Pair]:
    """Yield a row per negative."""
    draft = group.draft
    boxes = _ENCODER.encode([_mention(role, entity) for role, entity in draft.mentions])
    form = to_json(draft.form)
    for negative, evidence in zip(draft.negatives, group.evidence, strict=True):
        negative_form = to_json(negative.form)
        identity = (scene.image_id, group.family, form, negative_form, draft.text, negative.text)
        spans = differing_spans(draft.text, negative.text)
        flips = mirrored(draft.text, form), mirrored(negative.text, negative_form)
        safe = flips == (draft.text, negative.text)
        yield Pair(
            image=picture_of(scene),
            image_id=scene.image_id,
            caption=draft.text,
            negative=negative.text,
            kind=group.family,
            source=source,
            edit=negative.edit,
            evidence=evidence,
            caption_form=form,
            negative_form=negative_form,
            boxes=boxes,
            group_id=text_hash(f"{scene.image_id}\x1f{draft.text}")[:16],
            pair_id=text_hash("\x1f".join(identity))[:16],
            split=scene.split,
            caption_evidence=group.caption_evidence,
            template_id=f"{group.family}:{template(group.family, draft.text)}",
            caption_span=spans[0],
            negative_span=spans[1],
            flip_safe=safe,
            flip_caption=None if safe or None in flips else flips[0],
            flip_negative=None if safe or None in flips else flips[1],
        )


def picture_of(scene: Scene) -> str:
    """The path of a scene's picture below the images root."""
    return scene.image or f"{scene.image_id}.jpg"


def _mention(role: str, entity: Entity) -> dict[str, Any]:
    box = entity.box
    return {"id": entity.id, "noun": entity.noun, "role": role, "x": box.x, "y": box.y, "w": box.w, "h": box.h}


def differing_spans(caption: str, negative: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where each of two texts differs from the other: from the first word that differs to the last, in characters."""
    one, two = caption.split(" "), negative.split(" ")
    shorter = min(len(one), len(two))
    start = next((i for i in range(shorter) if one[i] != two[i]), shorter)
    end = next((i for i in range(shorter - start) if one[-1 - i] != two[-1 - i]), shorter - start)
    return _span(one, start, end), _span(two, start, end)


def _span(words: list[str], start: int, end: int) -> tuple[int, int]:
    """Characters of the words less `start` in front and `end` behind."""
    first = min(sum(len(word) + 1 for word in words[:start]), len(" ".join(words)))
    return first, first + len(" ".join(words[start : len(words) - end]))


def mirrored(text: str, form: str) -> str | None:
    """What a sentence becomes where its image is mirrored: left and right exchanged, all else as it is.

    None if left or right is said of something else than where two things lie, as in "the left hand".
    """
    words = len(_SIDE.findall(text))
    if words != len(_SIDEWAYS.findall(form)):
        return None
    return text if not words else _SIDE.sub(lambda found: _MIRRORED[found[0]], text)
