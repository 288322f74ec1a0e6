"""Delimited text with a header row: columns found by alias, errors with line numbers."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Reject
from hairsplit.core.windows import unpacked

DELIMITERS = ",;\t"
COLUMNS = {
    "image": ("image", "filename", "image_id"),
    "caption": ("caption", "text", "positive_caption"),
    "negative": ("negative", "neg_text", "negative_caption"),
}
"""Column -> the names it may have, the preferred one first."""
OPTIONAL = {"kind": ("kind", "type"), "source": ("source",), "image_id": ("image_id",)}


def table_rows(path: Path) -> Iterator[tuple[str, dict[str, str]] | Reject]:
    """Yield (where, cells by column) of each row; a cell of a column that the file lacks is empty.

    Raises:
        HairsplitError: A column is missing, the file is torn (a quote left open) or not UTF-8. It may be gzipped.
    """
    try:
        with unpacked(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            header_line = file.readline()
            file.seek(0)
            delimiter = max(DELIMITERS, key=header_line.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            columns = _columns(header, path)
            for cells in reader:
                where = f"{path.name}, line {reader.line_num}"
                if not cells:  # a blank line
                    continue
                if len(cells) != len(header):
                    yield Reject(where, "wrong_cell_count", f"{len(cells)} cells, the header has {len(header)}")
                else:
                    yield where, {name: "" if at is None else cells[at] for name, at in columns.items()}
    except csv.Error as error:
        raise HairsplitError(
            f"not a table ({error})", where=str(path), hint="fetch it again; texts with line breaks need quotes"
        ) from None
    except UnicodeDecodeError as error:
        raise HairsplitError(f"not UTF-8 ({error})", where=str(path), hint="save the table as UTF-8") from None


def _columns(header: Sequence[str], path: Path) -> Mapping[str, int | None]:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise HairsplitError(f"two columns are called {twice[0]!r}", where=str(path), hint="rename one of them")
    found: dict[str, int | None] = {}
    for name, aliases in {**COLUMNS, **OPTIONAL}.items():
        present = [alias for alias in aliases if alias in header]
        found[name] = header.index(present[0]) if present else None
    missing = [" or ".join(COLUMNS[name]) for name in COLUMNS if found[name] is None]
    if missing:
        raise HairsplitError(
            f"the header lacks {len(missing)} column{'s' * (len(missing) > 1)}: {'; '.join(missing)} "
            f"(it has {', '.join(header) or 'none'})",
            where=f"{path}, line 1",
            hint="name the columns so in the first row; leave a cell of `negative` empty where there is none",
        )
    return found
