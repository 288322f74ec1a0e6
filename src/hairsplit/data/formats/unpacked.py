"""What unpacking a bundle leaves beside the pictures: its rows, and the samples that were refused with their reason."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from hairsplit.core.json_stream import records
from hairsplit.core.types import Edit, Pair, Reject
from hairsplit.data.formats._format import REASONS, Format, Row
from hairsplit.data.formats._rows import checked

HINT = "`hairsplit import` writes such files when it unpacks a bundle; import the bundle again"


class Line(msgspec.Struct, omit_defaults=True):
    """A row, or a sample that was refused (`reason`)."""

    where: str
    reason: str | None = None
    detail: str = ""
    image: str | None = None
    image_id: str | int | None = None
    caption: str | None = None
    negative: str | None = None
    kind: str | None = None
    source: str | None = None
    edit_role: str | None = None
    edit_from: str | None = None
    edit_to: str | None = None
    evidence: str | None = None
    caption_form: str | None = None
    negative_form: str | None = None
    boxes: str | None = None
    group_id: str | None = None
    weight: float | None = None


def read(path: Path) -> Iterator[Row]:
    """Yield one row per line.

    Raises:
        HairsplitError: A line is torn, not an object, or a field is of another type.
    """
    for _, line in records(path, Line, HINT):
        yield from _row(line)


def _row(line: Line) -> Iterator[Row]:
    if line.reason is not None:
        yield Reject(line.where, line.reason if line.reason in REASONS else "no_image", line.detail)
        return
    found = checked(
        line.where,
        image=line.image,
        caption=line.caption,
        negative=line.negative,
        kind=line.kind,
        source=line.source or "unpacked",
        image_id=None if line.image_id is None else str(line.image_id),
        needs_negative=False,
        evidence=line.evidence,
        group_id=line.group_id,
    )
    edit = Edit(line.edit_role, line.edit_from or "", line.edit_to or "") if line.edit_role else None
    for row in found:
        if isinstance(row, Pair):
            yield replace(
                row,
                edit=edit,
                caption_form=line.caption_form,
                negative_form=line.negative_form,
                boxes=line.boxes,
                weight=line.weight,
            )
        else:
            yield row


ENTRY = Format(
    read=read,
    description="the rows that unpacking a bundle (hub, webdataset) leaves beside the table: import them again",
    reference="hairsplit",
    licence="that of the bundle",
    example='{"where": "row 0", "image": "a.jpg", "caption": "a red cup", "negative": "a blue cup", "kind": "x"}\n',
    suffix=".jsonl",
)
