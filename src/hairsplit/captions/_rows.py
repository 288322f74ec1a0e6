"""From proven pairs of sentences to rows of the pairs table, with where they come from."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from hairsplit.captions._balance_slots import template
from hairsplit.captions.filters import Group
from hairsplit.captions.form import to_json
from hairsplit.core.run import text_hash
from hairsplit.core.types import Pair, Scene
from hairsplit.scenes.entities import Entity

_ENCODER = json.JSONEncoder(separators=(",", ":"))
_MENTIONS = 1 << 10
"""Things in a role that are remembered as text; those of one image suffice."""
_SIDE = re.compile(r"\b(?:[Ll]eft|[Rr]ight)\b")
_SIDEWAYS = tuple(f'"p":"to the {side} of"' for side in ("left", "right"))
_MIRRORED = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}


def rows_of(scene: Scene, source: str, group: Group) -> Iterator[Pair]:
    """Yield a row per negative."""
    draft, image_id = group.draft, scene.image_id
    image, boxes = picture_of(scene), f"[{','.join(_mention(role, thing) for role, thing in draft.mentions)}]"
    form = to_json(draft.form)
    flip = mirrored(draft.text, form)
    group_id = text_hash(f"{image_id}\x1f{draft.text}")[:16]
    template_id = f"{group.family}:{template(group.family, draft.text)}"
    for negative, evidence in zip(draft.negatives, group.evidence, strict=True):
        negative_form = to_json(negative.form)
        identity = (image_id, group.family, form, negative_form, draft.text, negative.text)
        spans = differing_spans(draft.text, negative.text)
        flips = flip, mirrored(negative.text, negative_form)
        safe = flips == (draft.text, negative.text)
        yield Pair(
            image=image,
            image_id=image_id,
            caption=draft.text,
            negative=negative.text,
            kind=group.family,
            source=source,
            edit=negative.edit,
            evidence=evidence,
            caption_form=form,
            negative_form=negative_form,
            boxes=boxes,
            group_id=group_id,
            pair_id=text_hash("\x1f".join(identity))[:16],
            split=scene.split,
            caption_evidence=group.caption_evidence,
            template_id=template_id,
            caption_span=spans[0],
            negative_span=spans[1],
            flip_safe=safe,
            flip_caption=None if safe or None in flips else flips[0],
            flip_negative=None if safe or None in flips else flips[1],
        )


def picture_of(scene: Scene) -> str:
    """The path of a scene's picture below the images root."""
    return scene.image or f"{scene.image_id}.jpg"


@lru_cache(maxsize=_MENTIONS)
def _mention(role: str, entity: Entity) -> str:
    box = entity.box
    return _ENCODER.encode(
        {"id": entity.id, "noun": entity.noun, "role": role, "x": box.x, "y": box.y, "w": box.w, "h": box.h}
    )


def differing_spans(caption: str, negative: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where each of two texts differs from the other: from the first word that differs to the last, in characters."""
    one, two = caption.split(" "), negative.split(" ")
    start = _shared(one, two)
    end = min(_shared(reversed(one), reversed(two)), len(one) - start, len(two) - start)
    before, after = (len(" ".join([*words, ""])) for words in (one[:start], one[len(one) - end :]))
    return _span(caption, before, after), _span(negative, before, after)


def _shared(one: Iterable[str], two: Iterable[str]) -> int:
    """How many words two texts begin with alike."""
    count = 0
    for a, b in zip(one, two, strict=False):
        if a != b:
            break
        count += 1
    return count


def _span(text: str, before: int, after: int) -> tuple[int, int]:
    """Characters of a text less those in front and behind; a space between words counts as both."""
    start = min(before, len(text))
    return start, max(start, len(text) - after)


def mirrored(text: str, form: str) -> str | None:
    """What a sentence becomes where its image is mirrored: left and right exchanged, all else as it is.

    None if left or right is said of something else than where two things lie, as in "the left hand".
    """
    flipped, words, lower = text, 0, text.lower()
    if "left" in lower or "right" in lower:  # most have neither
        flipped, words = _SIDE.subn(lambda found: _MIRRORED[found[0]], text)
    return flipped if words == sum(map(form.count, _SIDEWAYS)) else None
