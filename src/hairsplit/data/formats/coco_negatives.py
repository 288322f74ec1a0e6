"""COCO captions with one generated negative each, as Structure-CLIP and the thesis use them."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hairsplit.core.json_keys import refuse_twins
from hairsplit.core.json_stream import decode, elements
from hairsplit.data.formats._format import Format, Row
from hairsplit.data.formats._rows import checked

HINT = 'expected a list of {"image": "val2014/....jpg", "text": "...", "neg_text": "..."}'


class _Entry(msgspec.Struct):
    image: str | None = None
    text: str | None = None
    neg_text: str | None = None


def read(path: Path) -> Iterator[Row]:
    """Yield one row per element; `id`, `triples` and `pairs` are ignored.

    Raises:
        HairsplitError: Torn, not a list of objects, a field is of another type, or a key stands twice.
    """
    for number, raw in enumerate(elements(path, HINT)):
        entry = decode(raw, _Entry, f"{path}, item {number}", HINT)
        refuse_twins(raw, f"{path}, item {number}")
        yield from checked(
            f"{path.name}, item {number}",
            image=entry.image,
            caption=entry.text,
            negative=entry.neg_text,
            kind="coco_negative",
            source="coco_negatives",
        )


ENTRY = Format(
    read=read,
    description="list of {image, text, neg_text}: COCO captions, each with one generated negative",
    reference="arXiv:2305.06152",
    licence="COCO captions: CC BY 4.0; the negatives are not published",
    example='[{"image": "val2014/COCO_val2014_000000000042.jpg", "text": "a red cup", "neg_text": "a blue cup"}]',
)
