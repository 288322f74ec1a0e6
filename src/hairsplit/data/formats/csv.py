"""Delimited text (`,` `;` or tab) with a header row."""

from collections.abc import Iterator
from pathlib import Path

from hairsplit.core.types import Reject
from hairsplit.data.formats._format import Format, Row
from hairsplit.data.formats._rows import checked
from hairsplit.data.formats._table import table_rows


def read(path: Path) -> Iterator[Row]:
    """Yield one row per line; an empty `negative` cell means that there is none.

    Columns: image | filename | image_id, caption | text | positive_caption, negative | neg_text | negative_caption,
    and perhaps kind | type, source, image_id. Others are ignored.

    Raises:
        HairsplitError: A column is missing, the file is torn or not UTF-8.
    """
    for row in table_rows(path):
        if isinstance(row, Reject):
            yield row
            continue
        where, cells = row
        yield from checked(
            where,
            image=cells["image"],
            caption=cells["caption"],
            negative=cells["negative"].strip() or None,
            kind=cells["kind"],
            source=cells["source"] or "csv",
            image_id=None if cells["image_id"] in {"", cells["image"]} else cells["image_id"],
            needs_negative=False,
        )


ENTRY = Format(
    read=read,
    description="a table with the columns image, caption, negative and perhaps kind, source, image_id",
    reference="hairsplit",
    licence="yours",
    example="image,caption,negative,kind\na.jpg,a red cup,a blue cup,attribute\na.jpg,a cup on a table,,plain\n",
    suffix=".csv",
)
