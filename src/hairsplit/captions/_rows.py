"""From proven pairs of sentences to rows of the pairs table, with where they come from."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _text
from operator import eq
from typing import Any

import pyarrow as pa

from hairsplit.captions._balance_slots import template
from hairsplit.captions._label_error import p_label_error
from hairsplit.captions.filters import Group
from hairsplit.captions.form import to_json
from hairsplit.core.run import text_hash
from hairsplit.core.tables import SCHEMA
from hairsplit.core.types import Edit, Pair, Scene
from hairsplit.scenes.entities import Entity

Row = tuple[Any, ...]
"""One cell for each column of `SCHEMA`, in its order."""

_MENTIONS = 1 << 10
"""Things that are remembered as text; those of one image suffice."""
_SIDE = re.compile(r"\b(?:[Ll]eft|[Rr]ight)\b")
_TO_A_SIDE = '"p":"to the '
_SIDEWAYS = tuple(f'{_TO_A_SIDE}{side} of"' for side in ("left", "right"))
_MIRRORED = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
_EDIT = SCHEMA.names.index("edit_role")
"""The first of the three columns that are one field of a `Pair`."""
_FIELDS = tuple(name for name in SCHEMA.names if not name.startswith("edit_"))
_EMPTY: tuple[list[Any], ...] = tuple([] for _ in SCHEMA.names)


def rows_of(scene: Scene, source: str, group: Group) -> Iterator[Row]:
    """Yield a row per negative; `table_of` and `pair_of` make something of it."""
    draft, image_id, family = group.draft, scene.image_id, group.family
    text = draft.text
    boxes = f"[{','.join([_mention(role, thing) for role, thing in draft.mentions])}]"
    image, form = picture_of(scene), to_json(draft.form)
    flip = mirrored(text, form)
    group_id, template_id = text_hash(f"{image_id}\x1f{text}")[:16], f"{family}:{template(family, text)}"
    for false, evidence in zip(draft.negatives, group.evidence, strict=True):
        negative, meaning, edit = false.text, false.form, false.edit
        negative_form = to_json(meaning)
        pair_id = text_hash(f"{image_id}\x1f{family}\x1f{form}\x1f{negative_form}\x1f{text}\x1f{negative}")[:16]
        flipped = mirrored(negative, negative_form)
        safe = flip == text and flipped == negative
        told = not safe and flip is not None and flipped is not None
        spans = differing_spans(text, negative)
        # fmt: off
        yield (
            image, image_id, text, negative, family, source, edit.role, edit.before, edit.after, form, negative_form,
            evidence, boxes, group_id, None, None, None, pair_id, scene.split, group.caption_evidence, template_id,
            *spans, safe, flip if told else None, flipped if told else None, p_label_error(evidence, meaning),
        )
        # fmt: on


def table_of(rows: Sequence[Row]) -> pa.Table:
    """The rows as a table of `SCHEMA`."""
    columns = zip(*rows, strict=True) if rows else _EMPTY
    return pa.Table.from_arrays(
        [pa.array(c, kind) for c, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
    )


def pair_of(row: Row) -> Pair:
    """The row as a `Pair`."""
    return Pair(edit=Edit(*row[_EDIT : _EDIT + 3]), **dict(zip(_FIELDS, row[:_EDIT] + row[_EDIT + 3 :], strict=True)))


def picture_of(scene: Scene) -> str:
    """The path of a scene's picture below the images root."""
    return scene.image or f"{scene.image_id}.jpg"


def _mention(role: str, entity: Entity) -> str:
    name, place = _parts(entity)
    return f'{{{name},"role":"{role}",{place}}}'


@lru_cache(maxsize=_MENTIONS)
def _parts(entity: Entity) -> tuple[str, str]:
    """What is written of a thing before and behind its role."""
    box = entity.box  # a number is written as JSON would
    return (
        f'"id":{_text(entity.id)},"noun":{_text(entity.noun)}',
        f'"x":{box.x},"y":{box.y},"w":{box.w},"h":{box.h}',
    )


def differing_spans(caption: str, negative: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where each of two texts differs from the other: from the first word that differs to the last, in characters."""
    one, two = caption.split(" "), negative.split(" ")
    start = _alike(one, two)
    end = _alike(one[start:][::-1], two[start:][::-1])
    before, after = (sum(map(len, words)) + len(words) for words in (one[:start], one[len(one) - end :]))
    return _span(caption, before, after), _span(negative, before, after)


def _alike(one: Sequence[str], two: Sequence[str]) -> int:
    """How many words two texts begin with alike."""
    return [*map(eq, one, two), False].index(False)


def _span(text: str, before: int, after: int) -> tuple[int, int]:
    """Characters of a text less those in front and behind; a space between words counts as both."""
    start = min(before, len(text))
    return start, max(start, len(text) - after)


def mirrored(text: str, form: str) -> str | None:
    """What a sentence becomes where its image is mirrored: left and right exchanged, all else as it is.

    None if left or right is said of something else than where two things lie, as in "the left hand".
    """
    flipped, words, meant = text, 0, 0
    lefts, rights = text.count("eft"), text.count("ight")
    if lefts or rights:  # most have neither, most others no more than plain words between spaces
        if lefts == text.count(" left ") and rights == text.count(" right "):
            parts = [part.replace("right", "left") for part in text.split("left")]
            flipped, words = "right".join(parts), lefts + rights
        else:
            flipped, words = _SIDE.subn(_other_side, text)
    if _TO_A_SIDE in form:  # nor have forms
        meant = form.count(_SIDEWAYS[0]) + form.count(_SIDEWAYS[1])
    return flipped if words == meant else None


def _other_side(found: re.Match[str]) -> str:
    return _MIRRORED[found[0]]
