"""Hard Negative Captions, machine-generated: the train and val files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from hairsplit.core.types import Reject
from hairsplit.data.formats._format import Format, Row
from hairsplit.data.formats._json import decode, members
from hairsplit.data.formats._rows import checked

HINT = 'expected {"<image id>": {"captions": {"<caption id>": {caption, label, type, cpt_p_id}}}}; '
HINT += "the human-annotated test file is of the format hnc_test"


class _Image(msgspec.Struct):
    captions: dict[str, msgspec.Raw]


class _Caption(msgspec.Struct):
    caption: str | None
    label: Literal[0, 1]
    type: str
    cpt_p_id: int | None = None


def read(path: Path) -> Iterator[Row]:
    """Yield one row per negative, linked to its positive by `cpt_p_id`; one image is in memory at a time.

    The image is named by its bare id. The kind is HNC's own type (17 of them). A caption that nothing links to is
    rejected. About a tenth to a fifth of the labels contradict the annotation: hence no `evidence`.

    Raises:
        HairsplitError: Torn, of another shape, or a field is of another type.
    """
    for image, raw in members(path, HINT):
        found = decode(raw, _Image, f"{path}, image {image}", HINT).captions
        captions = {
            key: decode(entry, _Caption, f"{path}, image {image}, caption {key}", HINT) for key, entry in found.items()
        }
        yield from _linked(image, captions, path.name)


def _linked(image: str, captions: dict[str, _Caption], file: str) -> Iterator[Row]:
    used: set[str] = set()
    for key, entry in captions.items():
        if entry.label == 1:
            continue
        where = f"{file}, image {image}, caption {key}"
        positive = captions.get(str(entry.cpt_p_id))
        if positive is None or positive.label == 0:
            yield Reject(where, "unlinked_negative", f"cpt_p_id is {entry.cpt_p_id}")
            continue
        used.add(str(entry.cpt_p_id))
        yield from checked(
            where,
            image=image,
            caption=positive.caption,
            negative=entry.caption,
            kind=entry.type,
            source="hnc",
        )
    for key, entry in captions.items():
        if entry.label == 1 and key not in used:
            yield Reject(f"{file}, image {image}, caption {key}", "unlinked_positive")


ENTRY = Format(
    read=read,
    description="HNC train or val: {image id: {captions: {id: {caption, label, type, cpt_p_id}}}}",
    reference="doi:10.18419/darus-4341",
    licence="MIT (as tagged on the hub card patilli/HNC); images: Visual Genome, CC BY 4.0",
    example=(
        '{"2386621": {"captions": {'
        '"52": {"caption": "The cup is red.", "label": 1, "type": "attribute", "cpt_p_id": null}, '
        '"53": {"caption": "The cup is blue.", "label": 0, "type": "attribute", "cpt_p_id": 52}}}}'
    ),
)
