"""Records of one size on disk, by key: checked when read, bounded, shared by processes, safe to interrupt."""

import contextlib
import os
import struct
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import text_hash, writable, write_at

try:
    import fcntl
except ModuleNotFoundError:  # Windows, which lacks the shared reads and writes that are needed, too
    fcntl = None  # type: ignore[assignment]

Bytes = NDArray[np.uint8]

KEY = 16
"""Bytes of a key."""
_HEADER = 4096
_COUNT = _HEADER - 8  # where the number of replaced records stands
_MARK = 0x66726F7A  # of a whole entry
_ENTRY = np.dtype([("key", f"V{KEY}"), ("crc", "<u4"), ("mark", "<u4"), ("used", "<f8")])
_USED = 24  # where `used` stands in an entry


class CacheFolder:
    """A folder of slot files, together no larger than `megabytes`; one process at a time writes there.

    Args:
        path: Where.
        megabytes: At most.
        option: How the user asked for it, for messages.

    Raises:
        HairsplitError: It cannot be written to, or this system cannot lock files.
    """

    def __init__(self, path: Path, megabytes: int, *, option: str = "frozen_cache") -> None:
        if not can_share():
            message = "this system cannot share a cache between processes"
            raise HairsplitError(message, where=option, hint=f"leave {option} out: memory is used then")
        writable(path)
        self.path, self.most = path, megabytes * 1024 * 1024
        self.started = time.time()
        """What was used later than this makes room for nothing."""
        self.takes = True
        """False once the disk has refused a write: what is there is still read."""
        self._turn = threading.RLock()  # a lock on a file does not keep a process's own threads apart
        self._depth = 0
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other process writes meanwhile; the lock ends with the process, however that ends."""
        with self._turn:
            if not self._depth:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth:
                    fcntl.flock(self._lock, fcntl.LOCK_UN)

    def room(self, needed: int) -> int:
        """Bytes that may be written, `needed` if unused files can make way for so much, those longest unused first."""
        files = {file: file.stat() for ending in ("index", "rows") for file in self.path.glob(f"*.{ending}")}
        left = self.most - sum(stat.st_size for stat in files.values())
        indexes = sorted((stat.st_mtime, file) for file, stat in files.items() if file.suffix == ".index")
        for used, index in indexes:
            if left >= needed or used >= self.started:
                break
            if _removed(index):
                left += sum(files[file].st_size for file in (index, index.with_suffix(".rows")) if file in files)
        return max(left, 0)

    def close(self) -> None:
        """Close the lock; after the slot files."""
        os.close(self._lock)


def can_share() -> bool:
    """Whether this system can lock files, without which no folder can be shared."""
    return fcntl is not None


def _removed(index: Path) -> bool:
    """Whether a slot file that no process has open could be removed."""
    file = os.open(index, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        index.with_suffix(".rows").unlink(missing_ok=True)
        index.unlink()
        return True
    finally:
        os.close(file)


class SlotFile:
    """Records of `record` bytes by keys of 16 bytes, in two files: .index (key, checksum, last use) and .rows.

    A record counts once its entry in the index is written, which comes after its bytes: a process that is killed
    leaves no half record. Each record is checked against its checksum each time it is read, so that neither a damaged
    one nor one that another process is just replacing is ever returned. Read with `pread`, not through a memory map:
    a batch is copied once either way, and a file that someone cuts off is an error that can be handled.

    When there is no room, the record longest unused is replaced, but none that was used since this process began: a
    run goes round its data, and each record would be dropped just before its turn. What has no room is not kept.

    Args:
        folder: Where.
        settings: All that the records depend on beside their keys; names the file.
        record: Bytes.
    """

    def __init__(self, folder: CacheFolder, settings: str, record: int) -> None:
        self._folder, self._settings, self._record = folder, settings, record
        self._found: dict[bytes, tuple[int, int]] = {}  # key -> slot, checksum
        self._known = self._replaced = 0  # entries, and replaced ones, that `_found` takes account of
        self._broken: dict[bytes, int] = {}  # damaged records, to be written again where they are
        self._touched: set[int] = set()
        self._victims: list[int] | None = None
        self._lock = threading.Lock()
        self.damaged = 0
        """Records that were found damaged."""
        self.evicted = 0
        """Records that made room for others."""
        self.path = folder.path / f"{text_hash(settings)}.index"
        with folder.alone():
            self._open()

    def has(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Which of the keys are here; their records are not checked."""
        self._look()
        return np.array([key in self._found for key in keys], bool)

    def read(self, keys: Sequence[bytes], out: Bytes) -> NDArray[np.bool_]:
        """Fill the rows of `out` [keys, record] whose keys are here and whole; which they are."""
        self._look()
        return np.array([self._get(key, row) for key, row in zip(keys, out, strict=True)], bool)

    def write(self, keys: Sequence[bytes], rows: Bytes) -> None:
        """Add records [keys, record] that are not here yet, as far as there is room."""
        if not self._folder.takes:
            return
        with self._folder.alone():
            if os.fstat(self._index).st_nlink == 0:  # someone emptied the folder: nobody else would find it
                return
            self._look()
            fresh = [n for n, key in enumerate(keys) if key not in self._found]
            each = self._record + _ENTRY.itemsize
            room = self._folder.room(len(fresh) * each) // each if fresh else 0
            try:
                for n in fresh:
                    with self._lock:
                        slot = self._slot(keys[n], room)
                        if slot is None:
                            break
                        room -= slot == self._known
                        self._put(slot, keys[n], rows[n])
            except OSError as error:
                self._folder.takes = False
                _say(self._folder.path, f"no more is added ({error.strerror or error}); what is missing is computed")

    def close(self) -> None:
        """Close the files."""
        os.close(self._index)
        os.close(self._rows)

    def _open(self) -> None:
        self._index, self._rows = (
            os.open(self.path.with_suffix(ending), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            for ending in (".index", ".rows")
        )
        fcntl.flock(self._index, fcntl.LOCK_SH)  # in use: `CacheFolder.room` leaves it alone
        header = self._settings.encode().ljust(_COUNT)
        found = os.pread(self._index, _COUNT, 0)
        if found != header:
            if found:
                _say(self.path, "was damaged and is built anew")
            os.ftruncate(self._index, 0)
            os.ftruncate(self._rows, 0)
            write_at(self._index, header + bytes(8), 0)
        os.utime(self._index)
        self._forget()

    def _forget(self) -> None:
        self._found, self._broken, self._touched, self._victims = {}, {}, set(), None
        self._known = 0

    def _look(self) -> None:
        """Learn the keys that were added or replaced, by other processes too."""
        with self._lock:
            entries = (os.fstat(self._index).st_size - _HEADER) // _ENTRY.itemsize
            counted = os.pread(self._index, 8, _COUNT)
            replaced = struct.unpack("<q", counted)[0] if len(counted) == 8 else -1
            if entries < self._known or replaced != self._replaced:
                self._forget()
                self._replaced = replaced
            if entries > self._known:
                new = self._entries(self._known, entries)
                whole = (new["mark"] == _MARK).tolist()
                places = zip(new["key"].tolist(), new["crc"].tolist(), whole, strict=True)
                for slot, (key, crc, is_whole) in enumerate(places, self._known):
                    if is_whole:
                        self._found[key] = slot, crc
                self._known += len(new)

    def _entries(self, start: int, stop: int) -> NDArray[np.void]:
        size = _ENTRY.itemsize
        data = os.pread(self._index, (stop - start) * size, _HEADER + start * size)
        return np.frombuffer(data[: len(data) // size * size], _ENTRY)

    def _get(self, key: bytes, row: Bytes) -> bool:
        slot, crc = self._found.get(key, (-1, 0))
        if slot < 0:
            return False
        done = os.preadv(self._rows, [row.data], slot * self._record)
        if done == self._record and _crc(key, row) == crc:
            if slot not in self._touched:
                self._touched.add(slot)
                os.pwrite(self._index, struct.pack("<d", time.time()), _HEADER + slot * _ENTRY.itemsize + _USED)
            return True
        with self._lock:
            self._found.pop(key, None)
            if self._holds(slot, key):
                self.damaged += 1
                self._broken[key] = slot
        return False

    def _holds(self, slot: int, key: bytes) -> bool:
        now = self._entries(slot, slot + 1)
        return len(now) == 1 and now["mark"][0] == _MARK and now["key"][0].tobytes() == key

    def _slot(self, key: bytes, room: int) -> int | None:
        """Where to put a new record; None: there is no room."""
        broken = self._broken.pop(key, None)
        if broken is not None and self._holds(broken, key):
            return broken
        if room > 0:
            return self._known
        if self._victims is None:
            used = self._entries(0, self._known)["used"]
            order = np.argsort(-used, kind="stable")
            self._victims = order[used[order] < self._folder.started].tolist()
        while self._victims:
            slot = self._victims.pop()
            entry = self._entries(slot, slot + 1)
            if len(entry) and entry["used"][0] < self._folder.started:
                if entry["mark"][0] == _MARK:
                    self._found.pop(entry["key"][0].tobytes(), None)
                    self.evicted += 1
                return slot
        return None

    def _put(self, slot: int, key: bytes, row: Bytes) -> None:
        place = _HEADER + slot * _ENTRY.itemsize
        if slot < self._known:
            write_at(self._index, bytes(_ENTRY.itemsize), place)
            self._replaced += 1
            write_at(self._index, struct.pack("<q", self._replaced), _COUNT)
        write_at(self._rows, row.tobytes(), slot * self._record)
        crc = _crc(key, row)
        write_at(self._index, np.array([(key, crc, _MARK, time.time())], _ENTRY).tobytes(), place)
        self._found[key] = slot, crc
        self._touched.add(slot)
        self._known = max(self._known, slot + 1)


def _say(path: Path, what: str) -> None:
    print(f"cache {path}: {what}", file=sys.stderr)  # noqa: T201


def _crc(key: bytes, row: Bytes) -> int:
    return zlib.crc32(row.data, zlib.crc32(key))
