"""Decoded pictures on disk: one memory-mapped file of uint8 pixels, safe to interrupt, shared by runs and ranks."""

import contextlib
import json
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import features

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import text_hash, writable, write_at
from hairsplit.encoders.preprocess import Preprocess

try:
    import fcntl
except ModuleNotFoundError:  # Windows, which lacks the shared reads and writes that are needed, too
    fcntl = None  # type: ignore[assignment]

Pixels = NDArray[np.uint8]

DECODER = 1
"""To be raised when `core.images.decode` or `Preprocess.cropped` give other pixels than before."""
_HEADER = 4096
_MARK = 0x70697868  # of a whole record


class PixelCache:
    """Pixels of pictures, by the content key of their file, below a folder.

    One file per way of preprocessing (size, filter, versions of the decoders), which any number of processes may read
    and add to. It grows up to `megabytes`; what has no room is not kept. A process that is killed leaves at most a torn
    last record, which the next one cuts off; every record is checked against its checksum when first read.

    Raises:
        HairsplitError: The folder cannot be written to, or holds a file of that name that is no such cache; or this
            system cannot lock files.
    """

    def __init__(self, folder: Path, preprocess: Preprocess, *, megabytes: int) -> None:
        if fcntl is None:
            message = "this system cannot share a cache of decoded pictures"
            raise HairsplitError(message, where="pixel_cache", hint="leave pixel_cache out")
        writable(folder)
        size = preprocess.size
        self._record = np.dtype(
            [("mark", "<u4"), ("crc", "<u4"), ("key", "<i8"), ("pixels", "u1", (size, size, 3))], align=False
        )
        self._most = megabytes * 1024 * 1024 // self._record.itemsize
        settings = pixel_settings(preprocess)
        self.path = folder / f"{text_hash(settings)[:16]}.pixels"
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._lock = threading.Lock()
        self._found: dict[int, int] = {}  # key -> record
        self._checked: set[int] = set()
        self._known = 0  # records whose keys are in `_found`
        self._mapped: NDArray[np.void] = np.empty(0, self._record)
        try:
            with self._alone():
                self._begin(settings.encode())
                self._look()
        except BaseException:
            os.close(self._file)
            raise

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: int) -> Pixels | None:
        """[size, size, 3] of a picture, read only; None if it is not here or its record is damaged."""
        record = self._found.get(key)
        if record is None:
            return None
        if record >= len(self._mapped):
            with self._lock:
                self._map()
        row = self._mapped[record]
        pixels: Pixels = row["pixels"]
        if record not in self._checked:
            if not self._whole(record, key):
                self._found.pop(key, None)  # after a power failure, say: decoded and added again
                return None
            self._checked.add(record)
        return pixels

    def put(self, key: int, pixels: Pixels) -> bool:
        """Add a picture, unless it is here already or there is no room; whether it is here now.

        Raises:
            HairsplitError: The disk is full.
        """
        row = np.zeros(1, self._record)
        row["mark"], row["crc"], row["key"], row["pixels"] = _MARK, _crc(key, pixels), key, pixels
        with self._lock:
            if key in self._found or self._known >= self._most:
                return key in self._found
            with self._alone():
                self._look()  # another process may have added it meanwhile
                if key in self._found or self._known >= self._most:
                    return key in self._found
                end = _HEADER + self._known * self._record.itemsize
                try:
                    write_at(self._file, row.tobytes(), end)
                except OSError as error:
                    os.ftruncate(self._file, end)
                    raise HairsplitError(
                        f"cannot keep decoded pictures ({error.strerror or error})",
                        where=str(self.path),
                        hint="free some space, set a smaller pixel_cache_megabytes, or leave pixel_cache out",
                    ) from None
                self._found[key] = self._known
                self._known += 1
                return True

    def close(self) -> None:
        """Close the file; what was got from it stays readable."""
        os.close(self._file)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process adds anything meanwhile; the lock ends with the process, however that ends."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _begin(self, settings: bytes) -> None:
        header = os.pread(self._file, _HEADER, 0)
        if len(header) < _HEADER and settings.ljust(_HEADER).startswith(header):  # new, or killed while it was new
            os.ftruncate(self._file, 0)
            write_at(self._file, settings.ljust(_HEADER), 0)
        elif header != settings.ljust(_HEADER):
            raise HairsplitError(
                "not a cache of decoded pictures", where=str(self.path), hint="remove it, or choose another pixel_cache"
            )

    def _look(self) -> None:
        """Cut off what a killed process left half-written, and learn the keys of records not seen yet."""
        length = os.fstat(self._file).st_size - _HEADER
        records, torn = divmod(length, self._record.itemsize)
        if torn:
            os.ftruncate(self._file, _HEADER + records * self._record.itemsize)
        if records < self._known:
            raise HairsplitError(
                "the cache was cut off while in use", where=str(self.path), hint="leave it alone while a run uses it"
            )
        if records > self._known:
            first, self._known = self._known, records
            self._map()
            marks, keys = self._mapped["mark"][first:], self._mapped["key"][first:]
            for record, (mark, key) in enumerate(zip(marks.tolist(), keys.tolist(), strict=True), first):
                # A second one of a key: the earlier one was found damaged, or it is the key that is damaged here.
                if mark == _MARK and (key not in self._found or self._whole(record, key)):
                    self._found[key] = record

    def _whole(self, record: int, key: int) -> bool:
        row = self._mapped[record]
        return bool(row["mark"] == _MARK and row["key"] == key and _crc(key, row["pixels"]) == row["crc"])

    def _map(self) -> None:
        with os.fdopen(os.dup(self._file), "rb") as file:
            self._mapped = np.memmap(file, self._record, "r", offset=_HEADER, shape=(self._known,))


def pixel_settings(preprocess: Preprocess) -> str:
    """All that the pixels, before they are normalised, depend on beside the file's bytes; JSON."""
    versions = {name: features.version(name) for name in ("jpg", "libjpeg_turbo", "zlib", "webp", "libtiff")}
    return json.dumps(
        {
            "what": "hairsplit pixel cache",
            "decoder": DECODER,
            "size": preprocess.size,
            "shortest_edge": preprocess.shortest_edge,
            "resample": preprocess.resample,
            "pillow": PIL.__version__,
            **versions,
        }
    )


def _crc(key: int, pixels: Pixels) -> int:
    return zlib.crc32(np.ascontiguousarray(pixels).data, zlib.crc32(key.to_bytes(8, "little", signed=True)))
