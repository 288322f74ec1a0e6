"""A large JSON object cut into smaller ones, for workers that decode them at the same time."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hairsplit.core import json_stream
from hairsplit.core.json_stream import SPACE, enter, placed_members
from hairsplit.core.windows import CHUNK, Window
from hairsplit.data.formats._format import InexactError, Part

# What stands before the marker of a member: the end of the member before it, a comma, its key, the opening brace.
_BORDER = re.compile(rb'\}\s*(,)\s*"(?:[^"\\]|\\.){0,200}"\s*:\s*\{\s*\Z')
_BEFORE = 300


def parts(path: Path, hint: str, marker: bytes, *, exact: bool = False, chunk: int = CHUNK) -> Iterator[Part]:
    """Yield the JSON object in a file as smaller JSON objects, every member in one of them.

    Args:
        path: The file.
        hint: What to do if it is of another shape.
        marker: The first key of each member's value, in quotes.
        exact: Find the border of each member by parsing: a part each. Otherwise the borders of parts of some MiB are
            guessed from `marker`, at next to no cost. A guess is right if the part is valid JSON, because no text that
            ends inside of a member is; so whoever decodes a part proves it, or raises `InexactError`.
        chunk: Bytes that are read at once.

    Raises:
        HairsplitError: Torn or not an object.
        InexactError: No border was found where one must be.
    """
    if not exact:
        with Window(path, chunk) as text:
            enter(text, "{", path, hint)
            yield from _guessed(text, marker)
        return
    for key, value, start in placed_members(path, hint, chunk=chunk):
        head = b"{" + msgspec.json.encode(key) + b":"
        yield Part(head + bytes(value) + b"}", start - len(head), 0, exact=True)


def _guessed(text: Window, marker: bytes) -> Iterator[Part]:
    while text.more():
        held = text.held()
        at = len(held)
        while (at := held.rfind(marker, 0, at)) > 0:
            border = _BORDER.search(held[max(at - _BEFORE, 0) : at])
            if border:
                end = max(at - _BEFORE, 0) + border.start(1)
                offset = text.offset
                text.skip(end + 1)
                yield Part(b"".join((b"{", memoryview(held)[:end], b"}")), offset - 1, text.fetched, exact=False)
                break
        else:
            if len(held) > json_stream.MAX_MEMBER:
                raise InexactError
    rest = text.held().rstrip(SPACE)
    if not rest.endswith(b"}"):
        raise InexactError
    if rest != b"}":
        yield Part(b"{" + rest, text.offset - 1, text.fetched, exact=False)
