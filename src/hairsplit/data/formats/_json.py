"""Typed JSON with errors that say where; a large file is mapped and decoded item by item, never read whole."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from hairsplit.core.errors import HairsplitError

T = TypeVar("T")
BOM = b"\xef\xbb\xbf"


def decode(raw: bytes | memoryview | msgspec.Raw, kind: type[T], where: str, hint: str) -> T:
    """Decode JSON as `kind`; keys that `kind` does not name are ignored.

    Raises:
        HairsplitError: Torn or not UTF-8, or of another shape or field type than `kind`; says `where`, and `hint` for
            the latter.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise HairsplitError(str(error), where=where, hint=hint) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HairsplitError(
            f"torn or not valid JSON ({error})", where=where, hint="write or fetch the file again, as UTF-8"
        ) from None


def members(path: Path, hint: str) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield key and undecoded value of the JSON object in a file; the whole file is known to be sound JSON by then.

    Raises:
        HairsplitError: Torn, or not an object.
    """
    yield from decode(_content(path), dict[str, msgspec.Raw], str(path), hint).items()


def elements(path: Path, hint: str) -> Iterator[msgspec.Raw]:
    """Yield the undecoded elements of the JSON array in a file.

    Raises:
        HairsplitError: Torn, or not an array.
    """
    yield from decode(_content(path), list[msgspec.Raw], str(path), hint)


def _content(path: Path) -> memoryview:
    """The file's bytes, mapped into memory: the 8 GB of HNC train need no 8 GB of memory."""
    with path.open("rb") as file:
        if path.stat().st_size == 0:  # an empty file cannot be mapped
            return memoryview(b"")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return memoryview(mapped)[len(BOM) if mapped[: len(BOM)] == BOM else 0 :]
