"""Decoded pictures on disk: the same bytes again, whatever was killed, cut off, damaged or shared."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.data.pixel_cache import PixelCache
from hairsplit.encoders.preprocess import Preprocess

PREPROCESS = Preprocess(8)
RECORD = 16 + 3 * 8 * 8


def pixels(key: int) -> NDArray[np.uint8]:
    return np.random.default_rng(key).integers(0, 256, (8, 8, 3), np.uint8)


def opened(folder: Path, megabytes: int = 1) -> PixelCache:
    return PixelCache(folder, PREPROCESS, megabytes=megabytes)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[PixelCache]:
    made = opened(tmp_path)
    yield made
    made.close()


def filled(folder: Path, keys: range) -> Path:
    made = opened(folder)
    for key in keys:
        assert made.put(key, pixels(key))
    made.close()
    return made.path


def holds(folder: Path, keys: range) -> list[int]:
    """Which of the keys a new process would find; what it finds must be right."""
    made = opened(folder)
    found = []
    for key in keys:
        got = made.get(key)
        if got is not None:
            assert np.array_equal(got, pixels(key))
            found.append(key)
    made.close()
    return found


def test_what_was_put_is_got_by_this_and_by_later_processes(tmp_path: Path, cache: PixelCache) -> None:
    for key in (5, 0, 2**62):
        assert cache.get(key) is None
        assert cache.put(key, pixels(key))
        got = cache.get(key)
        assert got is not None
        assert np.array_equal(got, pixels(key))
    assert len(cache) == 3
    assert holds(tmp_path, range(7)) == [0, 5]


def test_the_same_picture_is_kept_once(cache: PixelCache) -> None:
    for _ in range(3):
        assert cache.put(1, pixels(1))
    assert cache.path.stat().st_size == 4096 + RECORD


def test_what_has_no_room_is_not_kept_and_the_file_does_not_grow(tmp_path: Path) -> None:
    room = 1024 * 1024 // RECORD
    cache = opened(tmp_path)
    kept = [cache.put(key, pixels(key % 7)) for key in range(room + 50)]
    assert sum(kept) == room
    assert not any(kept[room:])
    assert cache.path.stat().st_size <= 1024 * 1024 + 4096
    assert cache.put(3, pixels(3))  # is here already
    cache.close()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 4096 + 5 * RECORD))
def test_a_file_cut_off_anywhere_loses_its_last_records_only(tmp_path: Path, cut: int) -> None:
    folder = tmp_path / str(cut)
    path = filled(folder, range(5))
    os.truncate(path, cut)
    whole = max(0, cut - 4096) // RECORD
    assert holds(folder, range(5)) == list(range(whole))
    filled(folder, range(5))
    assert holds(folder, range(5)) == [0, 1, 2, 3, 4]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 5 * RECORD - 1), bit=st.integers(0, 7))
@example(at=3 * RECORD + 8, bit=0)  # makes key 3 a second key 2
def test_a_damaged_record_is_noticed_and_written_again(tmp_path: Path, at: int, bit: int) -> None:
    folder = tmp_path / f"{at}-{bit}"
    path = filled(folder, range(5))
    raw = bytearray(path.read_bytes())
    raw[4096 + at] ^= 1 << bit
    path.write_bytes(raw)
    assert holds(folder, range(5)) == [key for key in range(5) if key != at // RECORD]
    assert len(holds(folder, range(5))) == 4
    again = opened(folder)
    for key in range(5):
        if again.get(key) is None:
            again.put(key, pixels(key))
    again.close()
    assert holds(folder, range(5)) == [0, 1, 2, 3, 4]


def _add(folder: Path, keys: range) -> None:
    filled(folder, keys)


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    jobs = [context.Process(target=_add, args=(tmp_path, range(n, n + 60))) for n in (0, 30)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0, 0]
    assert holds(tmp_path, range(90)) == list(range(90))
    assert next(tmp_path.glob("*.pixels")).stat().st_size == 4096 + 90 * RECORD


def test_another_process_sees_what_was_added_when_it_adds(tmp_path: Path, cache: PixelCache) -> None:
    filled(tmp_path, range(4))
    assert cache.get(2) is None
    assert cache.put(2, pixels(2))
    assert np.array_equal(cache.get(3), pixels(3))  # type: ignore[arg-type]
    assert cache.path.stat().st_size == 4096 + 4 * RECORD


def test_threads_may_read_and_write_at_once(cache: PixelCache) -> None:
    def job(n: int) -> bool:
        key = n % 40
        got = cache.get(key)
        if got is None:
            cache.put(key, pixels(key))
            got = cache.get(key)
        return got is not None and np.array_equal(got, pixels(key))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(job, range(400)))
    assert len(cache) == 40


def test_another_way_of_preprocessing_has_another_file(tmp_path: Path, cache: PixelCache) -> None:
    for other in (Preprocess(9), Preprocess(8, shortest_edge=12), Preprocess(8, resample=2)):
        made = PixelCache(tmp_path, other, megabytes=1)
        assert made.path != cache.path
        made.close()
    same = PixelCache(tmp_path, Preprocess(8, mean=(0, 0, 0)), megabytes=1)  # of what is kept before it is normalised
    assert same.path == cache.path
    same.close()


def test_a_file_that_is_no_cache_is_left_as_it_is(tmp_path: Path) -> None:
    path = filled(tmp_path, range(1))
    path.write_bytes(b"something else" * 1000)
    with pytest.raises(HairsplitError, match="not a cache of decoded pictures"):
        opened(tmp_path)
    assert path.read_bytes() == b"something else" * 1000


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HairsplitError, match="cannot write here"):
        opened(tmp_path / "file")


def test_a_cache_cut_off_while_in_use_is_an_error_and_not_a_crash_later(tmp_path: Path, cache: PixelCache) -> None:
    cache.put(0, pixels(0))
    os.truncate(cache.path, 4096)
    with pytest.raises(HairsplitError, match="cut off while in use"):
        cache.put(1, pixels(1))


def test_a_system_without_file_locks_can_do_all_but_the_cache(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from pathlib import Path\n"
        "from hairsplit.core.errors import HairsplitError\n"
        "from hairsplit.data.batches import PixelStore\n"
        "from hairsplit.data.pixel_cache import PixelCache\n"
        "from hairsplit.encoders.preprocess import Preprocess\n"
        "try:\n    PixelCache(Path(sys.argv[1]), Preprocess(8), megabytes=1)\n"
        "except HairsplitError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "pixel_cache: this system cannot share a cache of decoded pictures\n  hint: leave pixel_cache out\n"
    )
    assert not list(tmp_path.iterdir())
