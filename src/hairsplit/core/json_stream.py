"""Typed JSON with errors that say where; a large file, gzipped or not, is read piece by piece, never whole."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_keys import refuse_twins
from hairsplit.core.windows import BOM, CHUNK, Window, unpacked

T = TypeVar("T")
FETCH = "write or fetch the file again, as UTF-8"
MAX_MEMBER = 256 * 1024 * 1024
"""Bytes of the longest member or element that is read: one image's annotations have far fewer."""

_BYTE = re.compile(r" \(byte (\d+)\)$")
SPACE = b" \t\n\r"
_STRANGERS = (
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file that it stands for: git lfs pull"),
    (b"<", "a web page or XML", "fetch the file itself: a download that fails often leaves a page"),
    (b"pk\x03\x04", "a zip archive", "unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"par1", "a Parquet file", "give the annotation file of the data set"),
    (b"\xff\xd8\xff", "a picture", "give the annotation file of the data set"),
    (b"\x89png", "a picture", "give the annotation file of the data set"),
)
"""How files begin that are often taken for JSON, in small letters; what they are, and what to do."""
_NAMES = {"{": "an object", "[": "an array", '"': "a string", "t": "true", "f": "false", "n": "null"}


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
    """Yield number, from 1, and object of each line that is not empty; the file may be gzipped.

    Raises:
        HairsplitError: A line is torn, not a `kind`, or has a key twice.
    """
    with unpacked(path) as file:
        for number, text in enumerate(file, start=1):
            if raw := (text.removeprefix(BOM) if number == 1 else text).strip():
                where = f"{path}, line {number}"
                found = decode(raw, kind, where, hint)
                refuse_twins(raw, where)
                yield number, found


def members(path: Path, hint: str, *, chunk: int = CHUNK) -> Iterator[tuple[str, msgspec.Raw]]:
    """Yield key and undecoded value of the JSON object in a file, one in memory at a time.

    What is behind a member is not known to be sound when it is yielded.

    Raises:
        HairsplitError: Torn (says at which byte), not an object, or a key stands twice.
    """
    for key, value, _ in placed_members(path, hint, chunk=chunk):
        yield key, value


def placed_members(path: Path, hint: str, *, chunk: int = CHUNK) -> Iterator[tuple[str, msgspec.Raw, int]]:
    """As `members`, with the byte at which the value starts."""
    with Window(path, chunk) as text:
        enter(text, "{", path, hint)
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


def values(path: Path, *, chunk: int = CHUNK) -> Iterator[msgspec.Raw]:
    """Yield the undecoded JSON values that stand one after the other in a file, as in JSON Lines.

    Raises:
        HairsplitError: One is torn (says at which byte).
    """
    with Window(path, chunk) as text:
        while _next(text):
            yield msgspec.Raw(_value(text, path))


def elements(path: Path, hint: str, *, chunk: int = CHUNK) -> Iterator[msgspec.Raw]:
    """Yield the undecoded elements of the JSON array in a file, one in memory at a time.

    Raises:
        HairsplitError: Torn (says at which byte), or not an array.
    """
    with Window(path, chunk) as text:
        enter(text, "[", path, hint)
        more = not _ended(text, b"]")
        while more:
            yield msgspec.Raw(_value(text, path))
            more = _expect(text, b",]", path) == b","
        _leave(text, path)


def enter(text: Window, bracket: str, path: Path, hint: str) -> None:
    """Go behind the opening bracket of the file's one value, after white space.

    Raises:
        HairsplitError: The file is empty, or holds another kind of value.
    """
    found = _next(text).decode("latin-1")
    if not found:
        raise HairsplitError("the file is empty", where=str(path), hint="fetch it again")
    if found not in '{["tfn-0123456789':
        _refuse_stranger(text.view(), path)
        _fail(path, f"byte {text.offset:,} starts no JSON value")
    if found != bracket:
        what = _NAMES.get(found, "a number")
        raise HairsplitError(f"expected {_NAMES[bracket]}, found {what}", where=str(path), hint=hint)
    text.skip(1)


def _refuse_stranger(text: memoryview, path: Path) -> None:
    head = bytes(text[:64]).lower()
    for start, what, hint in _STRANGERS:
        if head.startswith(start):
            raise HairsplitError(f"this is {what}, not JSON", where=str(path), hint=hint)


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
        while text.peek() and text.peek() in SPACE:
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
