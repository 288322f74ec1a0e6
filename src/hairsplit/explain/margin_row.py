"""One explained pair as one row of numbers: its margin's parts, and where the edited words' part lies. No torch.

Shares of a margin are no numbers of a single pair: a margin can be next to nothing, and a share of it anything. So rows
hold parts, in the unit of the score; shares are ratios of their sums over many pairs.
"""

import json
import math
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hairsplit.core.attribution import Attribution, Contrast, Floats, PixelBox, Token, View
from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Edit, Pair
from hairsplit.explain.localisation import Target, target

_NUMBER, _SHARE = pa.field("", pa.float64(), nullable=False), pa.field("", pa.float64())
_TEXT, _MAYBE_TEXT = pa.field("", pa.string(), nullable=False), pa.field("", pa.string())
_WHOLE = pa.field("", pa.int64(), nullable=False)
COLUMNS: Mapping[str, pa.Field] = {
    "row": _WHOLE,
    "image": _TEXT,
    "image_id": _TEXT,
    "kind": _TEXT,
    "caption": _TEXT,
    "negative": _TEXT,
    "edit_role": _MAYBE_TEXT,
    "edit_from": _MAYBE_TEXT,
    "edit_to": _MAYBE_TEXT,
    "way": _TEXT,
    "margin": _NUMBER,
    "on_blank_image": _NUMBER,
    "with_image": _NUMBER,
    "reference_shift": _NUMBER,
    "gap": _NUMBER,
    "blank_margin": _NUMBER,
    "edited_on_blank_image": _NUMBER,
    "edited_with_image": _NUMBER,
    "edited_on_class_token": _NUMBER,
    "edited_share": _SHARE,
    "blank_share": _SHARE,
    "box": _TEXT,
    "heat": _NUMBER,
    "heat_inside": _SHARE,
    "positive_heat": _NUMBER,
    "positive_heat_inside": _SHARE,
    "box_area": _SHARE,
    "residual_text": _NUMBER,
    "residual_image": _NUMBER,
    "nodes_text": _WHOLE,
    "nodes_image": _WHOLE,
}
"""Of pairs.parquet. Numbers are in the unit of the score, and

    on_blank_image + with_image + reference_shift = margin + gap.

row: of the pairs table, from 0. way: direct or indirect, see `contrast_captions`. on_blank_image: what the words add
there, so what the texts decide without looking; blank_margin is the same by the model's own forward passes.
edited_...: the part that the words carry in which the two captions differ. edited_share, blank_share: of this margin;
null where it is no larger than the gap, so that 0 is as likely. box: "yes", or why there is none. heat: what edited
words and patches add together; positive_heat: its positive patches alone; ..._inside: within the edited object's boxes,
patches on their edge by the share that is covered; box_area: share of what the model sees that they cover."""
SCHEMA = pa.schema([field.with_name(name) for name, field in COLUMNS.items()])
_NAMED = {"subject": "subject", "object": "object"}
"""Role of an edit -> role of the boxes it is about; any other edit is about all that the caption mentions."""


def margin_row(number: int, pair: Pair, contrast: Contrast) -> dict[str, Any]:
    """The row of a pair, see `COLUMNS`.

    Args:
        number: Of the pair in its table.
        pair: With a negative.
        contrast: Of its two captions on its picture.
    """
    mine, theirs = edited_words(_words(contrast.caption, _tokens(contrast)), _negative_words(contrast))
    sides = [(1.0, _first(contrast), mine)]
    if contrast.direct is None:
        assert contrast.negative_side is not None  # noqa: S101 - see `Contrast.positive_side`
        sides.append((-1.0, contrast.negative_side, theirs))
    parts = [(sign, one, _of_words(one.tokens, words)) for sign, one, words in sides]
    heat = sum(sign * one.values[words].sum(0, dtype=np.float64) for sign, one, words in parts)
    numbers = {
        "on_blank_image": _total(parts, lambda one, _: one.text_main),
        "with_image": _total(parts, lambda one, _: one.values) + _total(parts, lambda one, _: one.class_values),
        "edited_on_blank_image": _total(parts, lambda one, words: one.text_main[words]),
        "edited_with_image": float(heat.sum()) + _total(parts, lambda one, words: one.class_values[words]),
        "edited_on_class_token": _total(parts, lambda one, words: one.class_values[words]),
        "reference_shift": contrast.reference_shift,
    }
    margin = contrast.margin
    gap = numbers["on_blank_image"] + numbers["with_image"] + numbers["reference_shift"] - margin
    edited = numbers["edited_on_blank_image"] + numbers["edited_with_image"]
    edit = pair.edit or Edit("", "", "")
    qualities = [one.quality for _, one, _ in sides]
    row: dict[str, Any] = {
        "row": number,
        "image": pair.image,
        "image_id": pair.image_id,
        "kind": pair.kind,
        "caption": pair.caption,
        "negative": pair.negative,
        "edit_role": edit.role or None,
        "edit_from": edit.before or None,
        "edit_to": edit.after or None,
        "way": "indirect" if contrast.direct is None else "direct",
        "margin": margin,
        "gap": gap,
        "blank_margin": contrast.blank_margin,
        "edited_share": edited / margin if abs(margin) > abs(gap) else None,
        "blank_share": numbers["on_blank_image"] / margin if abs(margin) > abs(gap) else None,
        "residual_text": max(one.residual_text for one in qualities),
        "residual_image": max(one.residual_image for one in qualities),
        "nodes_text": sum(one.nodes_text for one in qualities),
        "nodes_image": max(one.nodes_image for one in qualities),
    }
    found = row | numbers | _place(heat, pair, _first(contrast).view)
    return {name: found[name] for name in COLUMNS}


def edited_words(caption: Sequence[str], negative: Sequence[str]) -> tuple[set[int], set[int]]:
    """Numbers of the words in which two captions differ, of each.

    Captions of equally many words are compared word by word in place, which keeps both halves of a swap; others by the
    longest stretches that they share (`difflib`).
    """
    left, right = ([word.lower() for word in words] for words in (caption, negative))
    if len(left) == len(right):
        other = {n for n, (one, two) in enumerate(zip(left, right, strict=True)) if one != two}
        return other, set(other)
    codes = SequenceMatcher(a=left, b=right, autojunk=False).get_opcodes()
    changed = [code for code in codes if code[0] != "equal"]
    return (
        {n for _, start, stop, _, _ in changed for n in range(start, stop)},
        {n for _, _, _, start, stop in changed for n in range(start, stop)},
    )


def boxes_of(pair: Pair) -> tuple[list[PixelBox], str]:
    """Where the object lies that the edit of a pair is about, in pixels of the picture; and if nowhere, why.

    An edited subject or object is about its own boxes; an attribute, a predicate, a count or a swap about all that the
    caption mentions. What stands only in the negative ("replacement") is never meant.
    """
    if not pair.boxes:
        return [], "no boxes in the table"
    try:
        given = [box for box in json.loads(pair.boxes) if box.get("role") != "replacement"]
        wanted = _NAMED.get(pair.edit.role if pair.edit else "")
        given = [box for box in given if box.get("role") == wanted] or given
        corners = [[float(box[side]) for side in "xywh"] for box in given]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return [], "boxes not readable"
    if not all(math.isfinite(number) for box in corners for number in box):
        return [], "boxes not readable"
    boxes = [(x, y, x + w, y + h) for x, y, w, h in corners]
    return boxes, "" if boxes else "no box of what the caption mentions"


def _place(heat: Floats, pair: Pair, view: View) -> dict[str, Any]:
    positive = np.maximum(heat, 0)
    found: dict[str, Any] = {"heat": float(heat.sum()), "positive_heat": float(positive.sum())}
    where, problem = _target(pair, view)
    if where is None:
        return found | {"box": problem, "heat_inside": None, "positive_heat_inside": None, "box_area": None}
    return found | {
        "box": "yes",
        "heat_inside": float((heat * where.shares).sum()),
        "positive_heat_inside": float((positive * where.shares).sum()),
        "box_area": where.area,
    }


def _target(pair: Pair, view: View) -> tuple[Target | None, str]:
    boxes, problem = boxes_of(pair)
    if problem:
        return None, problem
    try:
        found = target(view, boxes)
    except HairsplitError:
        return None, "box outside of what the model sees"
    return (None, "box of nearly the whole picture") if found.is_large else (found, "")


def _first(contrast: Contrast) -> Attribution:
    one = contrast.direct or contrast.positive_side
    assert one is not None  # noqa: S101 - see `Contrast.positive_side`
    return one


def _tokens(contrast: Contrast) -> tuple[Token, ...]:
    return _first(contrast).tokens


def _negative_words(contrast: Contrast) -> list[str]:
    return _words(contrast.negative, contrast.negative_tokens)


def _words(text: str, tokens: Sequence[Token]) -> list[str]:
    places = {token.word: (token.start, token.end) for token in tokens if token.word is not None}
    return [text[start:end] for _, (start, end) in sorted(places.items())]


def _of_words(tokens: Sequence[Token], words: set[int]) -> NDArray[np.bool_]:
    return np.array([token.word is not None and token.word in words for token in tokens], bool)


def _total(parts: Sequence[tuple[float, Attribution, NDArray[np.bool_]]], of: Any) -> float:
    return float(sum(sign * of(one, words).sum(dtype=np.float64) for sign, one, words in parts))
