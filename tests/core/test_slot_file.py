"""Records on disk: the bytes that were written or none, whatever was killed, cut off, damaged, shared or full."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairsplit.core import slot_file
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import write_at
from hairsplit.core.slot_file import CacheFolder, SlotFile

RECORD, ENTRY, HEADER = 100, 32, 4096


def keys(numbers: range) -> list[bytes]:
    return [blake2b(str(n).encode(), digest_size=16).digest() for n in numbers]


def rows(numbers: range) -> NDArray[np.uint8]:
    made = [np.random.default_rng(n).integers(0, 256, RECORD, np.uint8) for n in numbers]
    return np.stack(made) if made else np.empty((0, RECORD), np.uint8)


class Opened:
    """A folder and a file of it, as one process has them."""

    def __init__(self, folder: Path, settings: str = "{}", megabytes: int = 1) -> None:
        self.folder = CacheFolder(folder, megabytes)
        self.file = SlotFile(self.folder, settings, RECORD)

    def put(self, numbers: range) -> None:
        self.file.write(keys(numbers), rows(numbers))

    def holds(self, numbers: range) -> list[int]:
        """Numbers that are read; what is read must be right."""
        out = np.zeros((len(numbers), RECORD), np.uint8)
        found = self.file.read(keys(numbers), out)
        assert np.array_equal(out[found], rows(numbers)[found])
        held: list[int] = np.array(numbers)[found].tolist()
        return held

    def close(self) -> None:
        self.file.close()
        self.folder.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path)
    yield made
    made.close()


def filled(folder: Path, numbers: range) -> Path:
    made = Opened(folder)
    made.put(numbers)
    made.close()
    return made.file.path


def held(folder: Path, numbers: range, damaged: int = 0) -> list[int]:
    made = Opened(folder)
    found = made.holds(numbers)
    assert made.file.damaged == damaged
    made.close()
    return found


def test_what_is_written_is_read_by_this_and_by_later_and_running_processes(tmp_path: Path, opened: Opened) -> None:
    other = Opened(tmp_path)
    opened.put(range(3, 6))
    opened.put(range(4, 8))
    for one in (opened, other):
        assert one.holds(range(10)) == [3, 4, 5, 6, 7]
        assert one.file.has(keys(range(2, 5))).tolist() == [False, True, True]
    other.put(range(8, 9))
    assert opened.holds(range(10)) == [3, 4, 5, 6, 7, 8]
    assert held(tmp_path, range(10)) == [3, 4, 5, 6, 7, 8]
    assert opened.file.path.with_suffix(".rows").stat().st_size == 6 * RECORD  # each once
    other.close()


def test_other_settings_have_another_file(tmp_path: Path, opened: Opened) -> None:
    opened.put(range(3))
    other = Opened(tmp_path, '{"weights": "changed"}')
    assert other.file.path != opened.file.path
    assert other.holds(range(3)) == []
    other.close()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, HEADER + 5 * ENTRY), is_index=st.booleans())
def test_a_file_cut_off_anywhere_loses_its_last_records_only(tmp_path: Path, cut: int, is_index: bool) -> None:
    folder = tmp_path / f"{cut}{is_index}"
    index = filled(folder, range(5))
    if is_index:
        os.truncate(index, cut)
        whole = max(0, cut - HEADER) // ENTRY
        assert held(folder, range(5)) == list(range(whole))
    else:
        os.truncate(index.with_suffix(".rows"), min(cut, 5 * RECORD))
        whole = min(cut, 5 * RECORD) // RECORD
        assert held(folder, range(5), damaged=5 - whole) == list(range(whole))
    one = Opened(folder)
    one.holds(range(5))
    one.put(range(5))
    one.close()
    assert held(folder, range(5)) == [0, 1, 2, 3, 4]


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 5 * RECORD - 1), bit=st.integers(0, 7))
def test_a_damaged_record_is_counted_not_given_and_written_again_in_its_place(
    tmp_path: Path, at: int, bit: int
) -> None:
    folder = tmp_path / f"{at}-{bit}"
    data = filled(folder, range(5)).with_suffix(".rows")
    raw = bytearray(data.read_bytes())
    raw[at] ^= 1 << bit
    data.write_bytes(raw)
    one = Opened(folder)
    assert one.holds(range(5)) == [n for n in range(5) if n != at // RECORD]
    assert one.file.damaged == 1
    one.put(range(5))
    assert one.holds(range(5)) == [0, 1, 2, 3, 4]
    one.close()
    assert held(folder, range(5)) == [0, 1, 2, 3, 4]
    assert data.stat().st_size == 5 * RECORD


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, HEADER + 5 * ENTRY - 1), bit=st.integers(0, 7))
def test_a_damaged_index_never_gives_wrong_bytes(tmp_path: Path, at: int, bit: int) -> None:
    folder = tmp_path / f"{at}-{bit}"
    index = filled(folder, range(5))
    raw = bytearray(index.read_bytes())
    raw[at] ^= 1 << bit
    index.write_bytes(raw)
    one = Opened(folder)
    found = one.holds(range(5))
    if HEADER - 8 <= at < HEADER or (at >= HEADER and (at - HEADER) % ENTRY >= 24):  # the count, times of use
        assert found == [0, 1, 2, 3, 4]
    elif at < HEADER:
        assert found == []
    else:
        assert found == [n for n in range(5) if n != (at - HEADER) // ENTRY]
    one.put(range(5))
    assert one.holds(range(5)) == [0, 1, 2, 3, 4]
    one.close()


def test_a_file_with_another_header_is_built_anew_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    index = filled(tmp_path, range(3))
    index.write_bytes(b"something else" * 1000)
    assert held(tmp_path, range(3)) == []
    assert "was damaged and is built anew" in capsys.readouterr().err
    filled(tmp_path, range(3))
    assert held(tmp_path, range(3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def _killed(folder: Path, writes: int) -> None:
    """Add records and die in the middle of the write number `writes`."""
    one, done = Opened(folder), [0]

    def dying(file: int, data: bytes, offset: int) -> None:
        done[0] += 1
        if done[0] == writes:
            write_at(file, data[: len(data) // 2], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        write_at(file, data, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slot_file, "write_at", dying)
        one.put(range(5, 8))


@pytest.mark.parametrize("writes", [1, 2, 3, 4, 5, 6])
def test_a_kill_in_the_middle_of_a_write_leaves_no_half_record(tmp_path: Path, writes: int) -> None:
    filled(tmp_path, range(5))
    job = multiprocessing.get_context("fork").Process(target=_killed, args=(tmp_path, writes))
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL
    whole = (writes - 1) // 2  # a record is its bytes, then its entry
    assert held(tmp_path, range(10)) == list(range(5 + whole))
    filled(tmp_path, range(10))
    assert held(tmp_path, range(10)) == list(range(10))


def _add(folder: Path, numbers: range) -> None:
    one = Opened(folder)
    for n in numbers:
        one.put(range(n, n + 1))
        assert one.holds(range(n, n + 1)) == [n]
    one.close()


def test_processes_that_write_at_once_lose_nothing_and_keep_each_record_once(tmp_path: Path) -> None:
    jobs = [
        multiprocessing.get_context("fork").Process(target=_add, args=(tmp_path, range(n, n + 60))) for n in (0, 30)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    assert held(tmp_path, range(90)) == list(range(90))
    assert next(tmp_path.glob("*.rows")).stat().st_size == 90 * RECORD


def test_threads_may_read_while_another_writes(opened: Opened) -> None:
    def read(_: int) -> bool:
        found = opened.holds(range(60))
        return found == list(range(len(found)))  # written in this order

    with ThreadPoolExecutor(4) as pool:
        reads = pool.map(read, range(100))
        for n in range(60):
            opened.put(range(n, n + 1))
        assert all(reads)
    assert opened.holds(range(60)) == list(range(60))


def sized(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.iterdir())


ROOM = (1024 * 1024 - HEADER) // (RECORD + ENTRY)


def aged(one: Opened) -> None:
    """As if the process had begun now, so that all that was used before may go."""
    one.folder.started = time.time()
    one.file._touched.clear()


def test_what_this_run_used_is_not_replaced_and_the_folder_does_not_grow(tmp_path: Path, opened: Opened) -> None:
    opened.put(range(ROOM + 50))
    assert opened.holds(range(ROOM + 50)) == list(range(ROOM))
    assert opened.file.evicted == 0
    assert sized(tmp_path) <= 1024 * 1024


def test_records_longest_unused_make_room(tmp_path: Path, opened: Opened) -> None:
    opened.put(range(ROOM))
    aged(opened)
    assert opened.holds(range(0, 20)) == list(range(20))  # used by this run
    opened.put(range(ROOM, ROOM + 30))
    assert opened.file.evicted == 30
    assert opened.holds(range(ROOM + 30)) == [*range(20), *range(50, ROOM + 30)]
    assert held(tmp_path, range(ROOM + 30)) == [*range(20), *range(50, ROOM + 30)]
    assert sized(tmp_path) <= 1024 * 1024


def test_the_order_of_use_decides_which_one_goes(opened: Opened) -> None:
    opened.put(range(ROOM))
    opened.file._touched.clear()
    assert opened.holds(range(0, 40)) == list(range(40))  # later than the others, if before this run
    aged(opened)
    opened.put(range(ROOM, ROOM + 10))
    assert opened.holds(range(60)) == [*range(40), *range(50, 60)]


def test_another_process_notices_that_a_record_was_replaced(tmp_path: Path, opened: Opened) -> None:
    opened.put(range(ROOM))
    other = Opened(tmp_path)
    assert other.file.has(keys(range(5))).all()
    aged(opened)
    opened.put(range(ROOM, ROOM + 5))
    assert other.holds(range(10)) == [5, 6, 7, 8, 9]
    assert other.file.damaged == 0
    assert other.holds(range(ROOM, ROOM + 9)) == list(range(ROOM, ROOM + 5))
    other.close()


@pytest.mark.parametrize("closed", [True, False])
def test_files_of_other_settings_make_room_first_but_not_while_in_use(tmp_path: Path, closed: bool) -> None:
    old = Opened(tmp_path, '{"old": true}')
    old.put(range(ROOM // 2))
    os.utime(old.file.path, (1, 1))
    if closed:
        old.close()
    new = Opened(tmp_path)
    new.put(range(ROOM))
    beside = (1024 * 1024 - 2 * HEADER) // (RECORD + ENTRY) - ROOM // 2
    assert len(new.holds(range(ROOM))) == (ROOM if closed else beside)
    assert old.file.path.exists() != closed
    assert sized(tmp_path) <= 1024 * 1024
    new.close()
    if not closed:
        assert len(old.holds(range(ROOM // 2))) == ROOM // 2
        old.close()


def test_a_full_disk_is_said_once_and_what_is_there_is_read_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened.put(range(3))
    write, left = os.pwrite, [60]

    def full(file: int, data: bytes, offset: int) -> int:
        if left[0] <= 0:
            raise OSError(28, "No space left on device")
        done = write(file, bytes(data)[: left[0]], offset)
        left[0] -= done
        return done

    monkeypatch.setattr(os, "pwrite", full)
    opened.put(range(3, 6))
    opened.put(range(6, 9))
    monkeypatch.undo()
    assert capsys.readouterr().err.count("no more is added (No space left on device)") == 1
    assert opened.holds(range(9)) == [0, 1, 2]


def test_a_folder_that_someone_emptied_is_written_to_no_more(tmp_path: Path, opened: Opened) -> None:
    opened.put(range(3))
    for file in tmp_path.iterdir():
        file.unlink()
    opened.put(range(3, 6))
    assert opened.holds(range(6)) == [0, 1, 2]


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HairsplitError, match="cannot write here"):
        CacheFolder(tmp_path / "file", 1)


def test_a_system_without_file_locks_is_told_to_use_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_file, "fcntl", None)
    with pytest.raises(HairsplitError, match="cannot share a cache") as caught:
        CacheFolder(tmp_path, 1)
    assert caught.value.hint == "leave frozen_cache out: memory is used then"
