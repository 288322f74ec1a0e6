"""Typed JSON with errors that say where; a large file, gzipped or not, is read piece by piece, never whole."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.data.formats._format import InexactError, Part
from hairsplit.data.formats._text import BOM, CHUNK, Window

__all__ = ["BOM", "decode", "elements", "members", "parts"]

T = TypeVar("T")
FETCH = "write or fetch the file again, as UTF-8"
MAX_MEMBER = 256 * 1024 * 1024
"""Bytes of the longest member or element that is read: one image's annotations have far fewer."""

_BYTE = re.compile(r" \(byte (\d+)\)$")
_SPACE = b" \t\n\r"
_NAMES = {"{": "an object", "[": "an array", '"': "a string", "t": "true", "f": "false", "n": "null"}
# What stands before the marker of a member: the end of the member before it, a comma, its key, the opening brace.
_BORDER = re.compile(rb'\}\s*(,)\s*"(?:[^"\\]|\\.){0,200}"\s*:\s*\{\s*\Z')
_BEFORE = 300


def decode(raw: bytes | memoryview | msgspec.Raw, kind: type[T], where: str, hint: str, offset: int = 0) -> T:
    """Decode JSON as `kind`; keys that `kind` does not name are ignored.

    Args:
        raw: The text.
        kind: Any type that msgspec knows.
        where: For errors.
        hint: What to do if the text is of another shape.
        offset: Bytes before `raw` in its file, for errors.

    Raises:
        HairsplitError: Torn or not UTF-8, or of another shape or field type than `kind`; says `where`, and `hint` for
            the latter.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise HairsplitError(str(error), where=where, hint=hint) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = _problem(error, bytes(raw), offset)
        raise HairsplitError(f"torn or not valid JSON: {problem}", where=where, hint=FETCH) from None


def records(path: Path, kind: type[T], hint: str) -> Iterator[tuple[int, T]]:
    """Yield number, from 1, and object of each line that is not empty.

    Raises:
        HairsplitError: A line is torn, or not a `kind`.
    """
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if raw := (text.removeprefix(BOM) if number == 1 else text).strip():
                yield number, decode(raw, kind, f"{path}, line {number}", hint)


def members(path: Path, hint: str, *, chunk: int = CHUNK) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield key and undecoded value of the JSON object in a file, one in memory at a time.

    What is behind a member is not known to be sound when it is yielded.

    Raises:
        HairsplitError: Torn (says at which byte), not an object, or a key stands twice.
    """
    for key, value, _ in _members(path, hint, chunk):
        yield key, value


def _members(path: Path, hint: str, chunk: int) -> Iterator[tuple[str, msgspec.Raw, int]]:
    """Key, value and the byte at which the value starts."""
    with Window(path, chunk) as text:
        _enter(text, "{", path, hint)
        seen: set[str] = set()
        more = not _ended(text, b"}")
        while more:
            wrong = _next(text) != b'"'
            start = text.offset
            if wrong:
                _fail(path, f"expected a key in quotes at byte {start:,}")
            key = decode(_value(text, path), str, str(path), hint, start)
            if key in seen:
                raise HairsplitError(
                    f"the key {key!r} stands twice (again at byte {start:,}); which one counts is not known",
                    where=str(path),
                    hint="remove one of them",
                )
            seen.add(key)
            _expect(text, b":", path)
            _next(text)
            start = text.offset
            yield key, msgspec.Raw(_value(text, path)), start
            more = _expect(text, b",}", path) == b","
        _leave(text, path)


def elements(path: Path, hint: str, *, chunk: int = CHUNK) -> Iterator[msgspec.Raw]:
    """Yield the undecoded elements of the JSON array in a file, one in memory at a time.

    Raises:
        HairsplitError: Torn (says at which byte), or not an array.
    """
    with Window(path, chunk) as text:
        _enter(text, "[", path, hint)
        more = not _ended(text, b"]")
        while more:
            yield msgspec.Raw(_value(text, path))
            more = _expect(text, b",]", path) == b","
        _leave(text, path)


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
            _enter(text, "{", path, hint)
            yield from _guessed(text, marker)
        return
    for key, value, start in _members(path, hint, chunk):
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
            if len(held) > MAX_MEMBER:
                raise InexactError
    rest = text.held().rstrip(_SPACE)
    if not rest.endswith(b"}"):
        raise InexactError
    if rest != b"}":
        yield Part(b"{" + rest, text.offset - 1, text.fetched, exact=False)


def _enter(text: Window, bracket: str, path: Path, hint: str) -> None:
    found = _next(text).decode("latin-1")
    if not found:
        raise HairsplitError("the file is empty", where=str(path), hint="fetch it again")
    if found not in '{["tfn-0123456789':
        _fail(path, f"byte {text.offset:,} starts no JSON value")
    if found != bracket:
        what = _NAMES.get(found, "a number")
        raise HairsplitError(f"expected {_NAMES[bracket]}, found {what}", where=str(path), hint=hint)
    text.skip(1)


def _ended(text: Window, bracket: bytes) -> bool:
    """Whether the closing bracket comes next, which is skipped."""
    ended = _next(text) == bracket
    text.skip(int(ended))
    return ended


def _leave(text: Window, path: Path) -> None:
    if _next(text):
        _fail(path, f"more text behind the end, at byte {text.offset:,}")


def _next(text: Window) -> bytes:
    """The next byte that is no white space, which is skipped; nothing at the end of the file."""
    while True:
        while text.peek() and text.peek() in _SPACE:
            text.skip(1)
        if text.peek() or not text.more():
            return text.peek()


def _expect(text: Window, allowed: bytes, path: Path) -> bytes:
    found = _next(text)
    if not found or found not in allowed:
        wanted = " or ".join(f"'{chr(byte)}'" for byte in allowed)
        what = f"expected {wanted} at byte {text.offset:,}" if found else f"it ends at byte {text.offset:,}"
        _fail(path, what)
    text.skip(1)
    return found


def _value(text: Window, path: Path) -> bytes:
    """Take the JSON value at the start of the window off it.

    msgspec finds where it ends: what follows is an error to it, whose message names the byte.
    """
    _next(text)
    while True:
        held = text.view()
        try:
            msgspec.json.decode(held, type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError) as error:
            at = _BYTE.search(str(error))
            size = int(at[1]) if at else len(held)
            if at and "trailing characters" in str(error):
                return text.take(size - 1)
            whole = bool(at) and size < len(held)  # a number cut in two is reported as a wrong one
            if isinstance(error, RecursionError) or whole or not _extended(text, path):
                _fail(path, _problem(error, held, text.offset))
        else:
            # what ends with the window may go on behind it, unless it has an end of its own, as objects do
            if text.peek() in b'{["' or not text.more():
                return text.take(len(held))


def _extended(text: Window, path: Path) -> bool:
    if len(text.view()) > MAX_MEMBER:
        raise HairsplitError(
            f"a value of more than {MAX_MEMBER:,} bytes starts at byte {text.offset:,}",
            where=str(path),
            hint="a text is not closed there, or the file is of another format",
        )
    return text.more()


def _problem(error: Exception, raw: bytes | memoryview, offset: int) -> str:
    if isinstance(error, RecursionError):
        return f"it is nested too deeply, at byte {offset:,} or behind it"
    if isinstance(error, UnicodeDecodeError):
        try:
            str(raw, "utf-8")
        except UnicodeDecodeError as wrong:
            return f"byte {offset + wrong.start:,} is not UTF-8"
        return "a text is not UTF-8"
    at = _BYTE.search(str(error))
    if at is None:
        return f"it ends in the middle of a value, at byte {offset + len(raw):,}"
    what = str(error)[: at.start()].removeprefix("JSON is malformed: ")
    return f"{what} at byte {offset + int(at[1]):,}"


def _fail(path: Path, problem: str) -> NoReturn:
    raise HairsplitError(f"torn or not valid JSON: {problem}", where=str(path), hint=FETCH)
