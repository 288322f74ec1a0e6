"""One JSON object per line: the format to write when no other fits."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from hairsplit.core.json_stream import records
from hairsplit.core.types import Reject
from hairsplit.data.formats._format import Format, Row
from hairsplit.data.formats._rows import checked

HINT = 'write one object per line, as in {"image": "a.jpg", "caption": "...", "negative": "...", "kind": "..."}'


class _Line(msgspec.Struct):
    image: str | None = None
    caption: str | None = None
    negative: str | msgspec.UnsetType | None = msgspec.UNSET
    kind: str | None = None
    type: str | None = None
    source: str | None = None
    image_id: str | int | None = None
    evidence: str | None = None
    group_id: str | None = None


def read(path: Path) -> Iterator[Row]:
    """Yield one row per line; `negative` must be there, and is null where there is none; other keys are ignored.

    Raises:
        HairsplitError: A line is torn, not an object, or a field is of another type.
    """
    for number, line in records(path, _Line, HINT):
        where = f"{path.name}, line {number}"
        if line.negative is msgspec.UNSET:
            yield Reject(where, "missing_negative", 'write "negative": null where there is none')
            continue
        yield from checked(
            where,
            image=line.image,
            caption=line.caption,
            negative=line.negative,
            kind=line.kind or line.type,
            source=line.source or "jsonl",
            image_id=None if line.image_id is None else str(line.image_id),
            needs_negative=False,
            evidence=line.evidence,
            group_id=line.group_id,
        )


ENTRY = Format(
    read=read,
    description="one object per line with image, caption, negative (or null) and perhaps kind, source, image_id",
    reference="hairsplit",
    licence="yours",
    example='{"image": "a.jpg", "caption": "a red cup", "negative": "a blue cup", "kind": "attribute"}\n',
    suffix=".jsonl",
)
