"""WebDataset: tar shards whose members `KEY.image.jpg`, `KEY.caption.txt` and `KEY.negative.txt` make a sample."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_keys import refuse_twins
from hairsplit.core.types import Reject
from hairsplit.data.bundles._bundle import MAX_TEXT, Bundle, Choice, Sample, paired
from hairsplit.data.bundles._tar import Grouped, Members, refuse_unsafe, samples, shards

_SUFFIXES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm")
IMAGE = ("image", *(f"image.{suffix}" for suffix in _SUFFIXES), *_SUFFIXES)
"""Names of the member that is the picture, its key left out."""
CAPTION, NEGATIVE = ("caption", "caption.txt"), ("negative", "negative.txt")
"""Texts, one a line."""
WHOLE = ("txt", "text")
"""A caption of one text, whatever its line breaks: the habit of image-text shards."""
RECORD = "json"
"""An object with `caption`, `negative` (texts or lists), `kind`, `image_id`, `source`; or `pairs`, a list of such."""
_WANTED = frozenset((*IMAGE, *CAPTION, *NEGATIVE, *WHOLE, RECORD))


class _TextError(Exception):
    """A member is no text, or too large."""


def read(pattern: str, choice: Choice) -> Iterator[Sample | Reject]:
    """Yield the samples of all shards, in their order; members of other names are left alone.

    Raises:
        HairsplitError: A shard is missing, torn or unsafe (then nothing of any shard is used), or an option does not
            fit.
    """
    if unfit := [name for name in choice.given() if name != "download"]:
        raise HairsplitError(
            f"{unfit[0]} means nothing for shards", where="webdataset", hint="leave it out: members are found by name"
        )
    archives = shards(pattern)
    for path in archives:
        refuse_unsafe(path)
    for path in archives:
        for found in samples(path, _WANTED):
            yield _sample(f"{path.name}, sample {found.key}", found)


def _sample(where: str, found: Grouped) -> Sample | Reject:
    members = found.members
    if found.large or found.twice:
        reason = "over_long_member" if found.large else "repeated_member"
        return Reject(where, reason, ", ".join(found.large or found.twice))
    pictures = [name for name in IMAGE if name in members]
    if len(pictures) != 1:
        return Reject(where, "several_images" if pictures else "no_image", ", ".join(sorted(members)))
    try:
        rows = _rows(members)
    except _TextError as error:
        return Reject(where, "no_text", str(error))
    if rows is None:
        return Reject(where, "uneven_texts", "captions and negatives are not equally many")
    if not rows:
        return Reject(where, "missing_caption", ", ".join(sorted(members)))
    return Sample(where, members[pictures[0]], [{"image_id": found.key, "source": "webdataset", **row} for row in rows])


def _rows(members: Members) -> list[dict[str, Any]] | None:
    record = _record(members.get(RECORD))
    if isinstance(pairs := record.get("pairs"), list):
        return [_known(row) for row in pairs if isinstance(row, dict)]
    shared = {name: value for name, value in _known(record).items() if name not in {"caption", "negative"}}
    captions = next((_lines(members, name) for name in CAPTION if name in members), None)
    if captions is None:
        captions = next(([_text(members, name)] for name in WHOLE if name in members), None)
    negatives = next((_lines(members, name) for name in NEGATIVE if name in members), None)
    rows = paired(
        _several(record.get("caption")) if captions is None else captions,
        _several(record.get("negative")) if negatives is None else negatives,
    )
    return None if rows is None else [{**shared, "caption": c, "negative": n or None} for c, n in rows]


def _known(record: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that are texts or numbers; the rest of a stranger's object is left alone."""
    return {name: value for name, value in record.items() if isinstance(value, str | int | float)}


def _record(raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        return {}
    if len(raw) > MAX_TEXT:
        raise _TextError(f"{RECORD} has {len(raw):,} bytes")
    try:
        found = msgspec.json.decode(raw, type=dict[str, Any])
        refuse_twins(raw, RECORD)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _TextError(f"{RECORD}: {error}") from None
    except HairsplitError as error:
        raise _TextError(f"{RECORD}: {error.message}") from None
    return found


def _several(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for text in value if isinstance(text, str)]
    return [value] if isinstance(value, str) else []


def _text(members: Members, name: str) -> str:
    raw = members[name]
    if len(raw) > MAX_TEXT:
        raise _TextError(f"{name} has {len(raw):,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _TextError(f"{name}: {error}") from None


def _lines(members: Members, name: str) -> list[str]:
    """One text a line; an empty line in the middle is an empty text."""
    return _text(members, name).rstrip("\r\n").replace("\r\n", "\n").split("\n")


ENTRY = Bundle(
    read=read,
    description="tar shards ('shard-{000..003}.tar' or a folder) of KEY.image.jpg, KEY.caption.txt, KEY.negative.txt",
    reference="github.com/webdataset/webdataset",
)
