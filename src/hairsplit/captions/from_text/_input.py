"""Captions in, whatever file they come in: JSON lines, CSV or a pairs table; bad rows are told by reason."""

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import inside
from hairsplit.core.json_stream import FETCH, records
from hairsplit.core.tables import iterate_pairs, read_meta
from hairsplit.core.types import Reject

MAX_CHARACTERS = 1000
"""Longer texts are no captions."""
HINT = 'write one object per line, as in {"image": "a.jpg", "caption": "..."} or {"image": ..., "captions": [...]}'
REASONS = {
    "no_image_name": "the row names no image",
    "bad_image_path": "the image path is absolute, leaves its folder or holds control characters",
    "missing_caption": "the row has no caption",
    "empty_caption": "the caption is empty",
    "over_long_text": "the caption has more than 1000 characters",
    "control_characters": "the caption holds control characters",
    "duplicate_caption": "the same image has the same caption before",
    "missing_image": "no such file below the images root",
    "wrong_cell_count": "the row has more or fewer cells than the header",
    "wrong_type": "the row is no object, or a value of it is of another type, as a text where a list of texts is due",
}
"""Every reason for which a row or a caption of it is left out."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Captions:
    """All captions of one image, in the order of the file."""

    image: str
    image_id: str
    captions: tuple[str, ...]
    split: str | None = None


class _Line(msgspec.Struct):
    image: str | None = None
    image_id: str | int | None = None
    caption: str | None = None
    captions: list[str] | None = None
    split: str | None = None
    set: str | None = None


@dataclass(frozen=True)
class _Row:
    where: str
    image: str | None
    image_id: str | None
    captions: list[str]
    split: str | None


def read_captions(
    path: Path,
    rejects: list[Reject],
    *,
    root: Path | None = None,
    split: str | None = None,
    excluded: Collection[str] = (),
) -> tuple[list[Captions], int]:
    """The captions of each image and how many images were left out as asked.

    Args:
        path: .jsonl, .csv or a pairs table, .parquet.
        rejects: Filled with what is left out for a fault of its own.
        root: Images root in which each picture must lie.
        split: Only rows with this `split` or `set`.
        excluded: Image ids to leave out.

    Raises:
        HairsplitError: No such file, of another kind, torn, without rows or with none that can be read, or without a
            row of the split.
    """
    found: dict[str, Captions] = {}
    dropped, splits = set[str](), set[str]()
    for row in _rows(path, rejects):
        splits.add(str(row.split))
        if split is not None and row.split != split:
            continue
        image, reason = _image(row, root)
        if reason:
            rejects.append(Reject(row.where, reason, repr(row.image)))
            continue
        image_id = row.image_id or str(PurePosixPath(image).with_suffix(""))
        if image_id in excluded:
            dropped.add(image_id)
            continue
        before = found.get(image_id, Captions(image, image_id, (), row.split))
        found[image_id] = replace(before, captions=(*before.captions, *_sound(row, before.captions, rejects)))
    if not splits and not rejects:
        raise HairsplitError("the file has no rows", where=str(path), hint=HINT)
    if split is not None and split not in splits:
        hint = f"splits in it: {', '.join(sorted(splits))}"
        raise HairsplitError(f"no row is of the split {split!r}", where=str(path), hint=hint)
    return [entry for entry in found.values() if entry.captions], len(dropped)


def _rows(path: Path, rejects: list[Reject]) -> Iterator[_Row]:
    if not path.is_file():
        raise HairsplitError("is a folder" if path.is_dir() else "no such file", where=str(path), hint=HINT)
    match path.suffix:
        case ".jsonl" | ".json":
            yield from _json_rows(path, rejects)
        case ".csv" | ".tsv":
            yield from _csv_rows(path, rejects)
        case ".parquet":
            read_meta(path)
            seen = set[tuple[str, str]]()
            for number, pair in enumerate(iterate_pairs(path), start=1):
                if (pair.image_id, pair.caption) in seen:  # a caption has a row for each of its negatives
                    continue
                seen.add((pair.image_id, pair.caption))
                yield _Row(f"{path.name}, row {number}", pair.image, pair.image_id, [pair.caption], None)
        case _:
            raise HairsplitError("of no known kind", where=str(path), hint="give a .jsonl, .csv or .parquet file")


def _json_rows(path: Path, rejects: list[Reject]) -> Iterator[_Row]:
    first: tuple[int, str] | None = None
    sound = 0
    for number, raw in records(path, msgspec.Raw, HINT):
        where = f"{path.name}, line {number}"
        try:
            line = msgspec.json.decode(raw, type=_Line)
        except UnicodeDecodeError as error:
            raise HairsplitError(f"not UTF-8 ({error})", where=f"{path}, line {number}", hint=FETCH) from None
        except msgspec.ValidationError as error:
            rejects.append(Reject(where, "wrong_type", str(error)))
            first = first or (number, str(error))
            continue
        sound += 1
        given = line.captions if line.captions is not None else [] if line.caption is None else [line.caption]
        image_id = None if line.image_id is None else str(line.image_id)
        yield _Row(where, line.image, image_id, given, line.split or line.set)
    if first and not sound:  # not a few bad rows, but a file of another kind
        raise HairsplitError(f"no row can be read: {first[1]}", where=f"{path}, line {first[0]}", hint=HINT)


def _csv_rows(path: Path, rejects: list[Reject]) -> Iterator[_Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
            header = next(rows, [])
            if header and not {"image", "caption"} <= set(header):
                hint = "the first line names the columns: image,caption"
                raise HairsplitError("no columns image and caption", where=str(path), hint=hint)
            for cells in rows:
                where = f"{path.name}, line {rows.line_num}"
                if len(cells) != len(header):
                    rejects.append(Reject(where, "wrong_cell_count", f"{len(cells)}, not {len(header)}"))
                    continue
                row = dict(zip(header, cells, strict=True))
                yield _Row(where, row["image"], row.get("image_id"), [row["caption"]], row.get("split"))
    except (csv.Error, UnicodeDecodeError) as error:
        raise HairsplitError(f"torn or not CSV ({error})", where=str(path), hint="write it as UTF-8 CSV") from None


def _image(row: _Row, root: Path | None) -> tuple[str, str]:
    """The path of the picture, and what is wrong with it."""
    if not row.image:
        return "", "no_image_name"
    try:
        path = inside(root or Path(), row.image)
    except (HairsplitError, ValueError):
        return "", "bad_image_path"
    if _CONTROL.search(row.image):
        return "", "bad_image_path"
    if root is not None and not path.is_file():
        return "", "missing_image"
    return str(PurePosixPath(row.image)), ""


def _sound(row: _Row, before: Collection[str], rejects: list[Reject]) -> Iterator[str]:
    seen = set(before)
    if not row.captions:
        rejects.append(Reject(row.where, "missing_caption"))
    for text in row.captions:
        tidy = text.strip()
        if not tidy:
            reason = "empty_caption"
        elif len(tidy) > MAX_CHARACTERS:
            reason = "over_long_text"
        elif _CONTROL.search(tidy):
            reason = "control_characters"
        elif tidy in seen:
            reason = "duplicate_caption"
        else:
            seen.add(tidy)
            yield tidy
            continue
        rejects.append(Reject(row.where, reason, tidy[:80]))
