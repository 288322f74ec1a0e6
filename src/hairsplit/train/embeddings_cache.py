"""Where frozen work is kept: in memory, or in a folder that runs and ranks share; both bounded."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.slot_file import KEY, Bytes, CacheFolder, SlotFile

_OVERHEAD = 200
"""Bytes that Python takes for a record in memory, about."""


class Store(Protocol):
    """Records of one size by keys of 16 bytes; what it gives back is byte for byte what was written."""

    damaged: int
    evicted: int

    def has(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Which of the keys are here."""

    def read(self, keys: Sequence[bytes], out: Bytes) -> NDArray[np.bool_]:
        """Fill the rows of `out` [keys, record] whose keys are here; which they are."""

    def write(self, keys: Sequence[bytes], rows: Bytes) -> None:
        """Add records [keys, record], as far as there is room."""


class Budget:
    """Bytes of memory that several stores share.

    Embeddings, a few kilobytes that save a whole tower each, push out hidden states, which save a part of it.
    """

    def __init__(self, megabytes: int) -> None:
        self.left = megabytes * 1024 * 1024
        self._yielding: list[MemoryStore] = []

    def store(self, record: int, *, yields: bool) -> "MemoryStore":
        """A new store; its records make way for those of stores that do not yield."""
        made = MemoryStore(record, lambda: self._take(record + _OVERHEAD, for_any=not yields))
        if yields:
            self._yielding.append(made)
        return made

    def _take(self, size: int, *, for_any: bool) -> bool:
        while self.left < size:
            full = [one for one in self._yielding if len(one)] if for_any else []
            if not full:
                return False
            largest = max(full, key=lambda one: one.record)
            largest.drop()
            self.left += largest.record + _OVERHEAD
        self.left -= size
        return True


class MemoryStore:
    """Records in this process's memory.

    Those that came first stay: a run goes round its data, and if the one longest unused made way, each would be
    dropped just before its turn.
    """

    def __init__(self, record: int, take: Callable[[], bool]) -> None:
        self.record, self.damaged, self.evicted = record, 0, 0
        self._take = take
        self._rows: dict[bytes, Bytes] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def drop(self) -> None:
        """Lose the record that came last."""
        self._rows.popitem()
        self.evicted += 1

    def has(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """See `Store.has`."""
        return np.array([key in self._rows for key in keys], bool)

    def read(self, keys: Sequence[bytes], out: Bytes) -> NDArray[np.bool_]:
        """See `Store.read`."""
        found = np.zeros(len(keys), bool)
        for n, key in enumerate(keys):
            row = self._rows.get(key)
            if row is not None:
                out[n], found[n] = row, True
        return found

    def write(self, keys: Sequence[bytes], rows: Bytes) -> None:
        """See `Store.write`."""
        with self._lock:
            for key, row in zip(keys, rows, strict=True):
                if key not in self._rows:
                    if not self._take():
                        return
                    self._rows[key] = row.copy()


class Cache:
    """The stores of one run.

    Args:
        folder: Where they lie, found again by later runs and shared by ranks; None: in memory.
        megabytes: Of the folder, or of memory.

    Raises:
        HairsplitError: The folder cannot be written to, or this system cannot lock files.
    """

    def __init__(self, folder: Path | None, megabytes: int) -> None:
        self._folder = CacheFolder(folder, megabytes) if folder is not None and megabytes else None
        self._budget = Budget(megabytes)
        self._stores: dict[str, Store] = {}
        self._files: list[SlotFile] = []

    def store(self, settings: str, record: int, *, yields: bool) -> Store:
        """The store of records that depend on `settings` beside their keys; the same for the same settings.

        Args:
            settings: JSON.
            record: Bytes.
            yields: In memory its records make way for those of stores that do not.
        """
        if settings not in self._stores:
            if self._folder is None:
                self._stores[settings] = self._budget.store(record, yields=yields)
            else:
                file = SlotFile(self._folder, settings, record)
                self._files.append(file)
                self._stores[settings] = file
        return self._stores[settings]

    @property
    def damaged(self) -> int:
        """Records that were found damaged, and computed again."""
        return sum(store.damaged for store in self._stores.values())

    @property
    def evicted(self) -> int:
        """Records that made way for others."""
        return sum(store.evicted for store in self._stores.values())

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()
        if self._folder is not None:
            self._folder.close()


def padded_key(number: int) -> bytes:
    """A key of 16 bytes from one of 63 bits."""
    return number.to_bytes(KEY, "little")
