"""Hard Negative Captions, the human-annotated test file, as JSON or as its twin in CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_keys import refuse_twins
from hairsplit.core.json_stream import decode, members
from hairsplit.core.types import Reject
from hairsplit.data.formats._format import Format, Note, Row
from hairsplit.data.formats._rows import checked
from hairsplit.data.formats._table import table_rows

HINT = 'expected {"<image id>.jpg": {"0": {caption, label, type}, "1": ...}}; train and val are of the format hnc'


class _Caption(msgspec.Struct):
    caption: str | None
    label: Literal[0, 1]
    type: str


@dataclass(frozen=True)
class _Linked:
    where: str
    image: str
    positive: str | None
    negative: str | None
    kind: str


def read(path: Path) -> Iterator[Row]:
    """Yield one row per pair: 872 of the published file, one of which has identical texts.

    Captions carry no ids: sorted by their integer key, positives and negatives alternate. A caption that is a positive
    and a negative of one image is kept, with a note. A `.csv` has image_id, positive_caption, negative_caption, type.

    Raises:
        HairsplitError: Torn, of another shape, a field is of another type, or a key stands twice.
    """
    labelled: dict[str, tuple[set[str], set[str]]] = {}
    is_table = path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    for row in _from_csv(path) if is_table else _from_json(path):
        if isinstance(row, Reject):
            yield row
            continue
        true, false = labelled.setdefault(row.image, (set(), set()))
        true.add((row.positive or "").strip())
        false.add((row.negative or "").strip())
        yield from checked(
            row.where,
            image=row.image,
            caption=row.positive,
            negative=row.negative,
            kind=row.kind,
            source="hnc_test",
            evidence="human",
        )
    for image, (true, false) in labelled.items():
        for caption in sorted(true & false - {""}):
            yield Note(f"{path.name}, image {image}", "caption_labelled_both_ways", caption)


def _from_json(path: Path) -> Iterator[_Linked | Reject]:
    for image, raw in members(path, HINT):
        found = decode(raw, dict[str, msgspec.Raw], f"{path}, image {image}", HINT)
        refuse_twins(raw, f"{path}, image {image}")
        odd = [key for key in found if not (key.isascii() and key.isdigit())]
        if odd:
            raise HairsplitError(
                f"the caption key {odd[0]!r} is not a number", where=f"{path}, image {image}", hint=HINT
            )
        captions = [
            (
                f"{path.name}, image {image}, caption {key}",
                decode(found[key], _Caption, f"{path}, image {image}, caption {key}", HINT),
            )
            for key in sorted(found, key=int)
        ]
        yield from _alternating(image, captions)


def _alternating(image: str, captions: list[tuple[str, _Caption]]) -> Iterator[_Linked | Reject]:
    """Join each positive with the negative right behind it; what stands alone is rejected."""
    at = 0
    while at < len(captions):
        where, first = captions[at]
        second = captions[at + 1][1] if at + 1 < len(captions) else None
        if first.label == 0:
            yield Reject(where, "unlinked_negative", "no positive right before it")
            at += 1
        elif second is None or second.label == 1:
            yield Reject(where, "unlinked_positive", "no negative right behind it")
            at += 1
        elif first.type != second.type:
            yield Reject(where, "type_mismatch", f"{first.type}, then {second.type}")
            at += 2
        else:
            yield _Linked(where, image, first.caption, second.caption, first.type)
            at += 2


def _from_csv(path: Path) -> Iterator[_Linked | Reject]:
    for row in table_rows(path):
        if isinstance(row, Reject):
            yield row
        else:
            where, cells = row
            yield _Linked(where, cells["image"], cells["caption"], cells["negative"], cells["kind"])


ENTRY = Format(
    read=read,
    description="HNC human test: {image.jpg: {n: {caption, label, type}}}, positives and negatives alternating; or CSV",
    reference="doi:10.18653/v1/2023.conll-1.24",
    licence="not stated; images: GQA, CC BY 4.0",
    example=(
        '{"n100552.jpg": {"0": {"caption": "There is one cup.", "label": 1, "type": "object_count"}, '
        '"1": {"caption": "There are two cups.", "label": 0, "type": "object_count"}}}'
    ),
)
