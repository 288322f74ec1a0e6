"""The bytes of a file, gzipped or not, as a window that moves forward."""

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from hairsplit.core.errors import HairsplitError

BOM = b"\xef\xbb\xbf"
CHUNK = 4 * 1024 * 1024
"""Bytes read at once."""

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to be read from start to end; a gzipped one, told by its first bytes, is unpacked on the way.

    Raises:
        HairsplitError: Its compressed data are torn.
    """
    with path.open("rb") as file:
        first = file.read(2)
        file.seek(0)
        if first != _GZIP:
            yield file
            return
        try:
            with gzip.open(file) as text:
                yield text  # type: ignore[misc]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _torn(path, error) from None


def _torn(path: Path, error: Exception) -> HairsplitError:
    return HairsplitError(f"its compressed data are torn ({error})", where=str(path), hint="fetch it again")


class Window:
    """A part of the file in memory: bytes go at its start (`skip`, `take`) and come at its end (`more`).

    A gzipped file is told by its first bytes, whatever its name; a byte order mark is left out.

    Raises:
        HairsplitError: The file is UTF-16, or its compressed data are torn.
    """

    def __init__(self, path: Path, chunk: int = CHUNK) -> None:
        self._path, self._chunk = path, chunk
        self._file = path.open("rb")
        first = self._file.read(2)
        self._file.seek(0)
        self._text: IO[bytes] = gzip.open(self._file) if first == _GZIP else self._file  # type: ignore[assignment] # noqa: SIM115 - closed with the window
        self._held = b""
        self._at = 0
        self.offset = 0
        """Bytes of the (unpacked) text before the window."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        while len(self._held) < len(BOM) and self.more():
            pass
        if self._held.startswith(_UTF16):
            raise HairsplitError("the file is UTF-16", where=str(self._path), hint="save it as UTF-8")
        if self._held.startswith(BOM):
            self.skip(len(BOM))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()
        self._file.close()

    @property
    def fetched(self) -> int:
        """Bytes of the file that were read so far, as they lie on the disk."""
        return self._file.tell()

    def more(self) -> bool:
        """Read on, at least as much as is held already, so that no byte is looked at often; False at the end."""
        held = self._held[self._at :]
        try:
            new = self._text.read(max(self._chunk, len(held)))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _torn(self._path, error) from None
        self._held, self._at = held + new, 0
        return bool(new)

    def peek(self) -> bytes:
        """The first byte, or nothing."""
        return self._held[self._at : self._at + 1]

    def view(self) -> memoryview:
        """The window."""
        return memoryview(self._held)[self._at :]

    def held(self) -> bytes:
        """A copy of the window."""
        return self._held[self._at :]

    def skip(self, count: int) -> None:
        """Leave `count` bytes behind."""
        self._at += count
        self.offset += count

    def take(self, count: int) -> bytes:
        """The first `count` bytes, which are left behind."""
        taken = self._held[self._at : self._at + count]
        self.skip(count)
        return taken
