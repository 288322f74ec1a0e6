"""Work by portions: the same for any number of processes, in order, in bounded memory, and deaf to Ctrl-C."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.workers import _interrupts_blocked, by_portions


def shifted(job: int, portion: Sequence[int]) -> tuple[int, list[int]]:
    return os.getpid(), [item + job for item in portion]


def blocked(_job: None, portion: Sequence[int]) -> list[bool]:
    """Whether this process was started with Ctrl-C blocked, once per item."""
    return [signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set()) for _ in portion]


def dead(_job: None, portion: Sequence[int]) -> int:
    if 3 in portion:
        os._exit(1)
    return len(portion)


def wrong(_job: None, portion: Sequence[int]) -> int:
    if 3 in portion:
        raise HairsplitError("three", where="here", hint="leave it out")
    return len(portion)


class Counted(Sequence[int]):
    """Items that know how many of them were asked for."""

    def __init__(self, items: list[int]) -> None:
        self.items, self.asked = items, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: slice) -> list[int]:  # type: ignore[override]
        self.asked += len(self.items[place])
        return self.items[place]


def run(workers: int, count: int = 50, size: int = 7) -> Iterator[tuple[int, list[int]]]:
    return by_portions(shifted, 100, range(count), size=size, workers=workers, label="adding")


def test_any_number_of_workers_gives_the_same_in_the_same_order() -> None:
    for workers in (1, 2, 3):
        assert [item for _, part in run(workers) for item in part] == list(range(100, 150))


def test_one_worker_or_one_portion_needs_no_other_process() -> None:
    assert {process for process, _ in run(1)} == {process for process, _ in run(4, size=50)} == {os.getpid()}
    assert os.getpid() not in {process for process, _ in run(2)}


def test_no_items_are_no_work() -> None:
    assert list(run(1, count=0)) == list(run(2, count=0)) == []


def test_no_more_is_taken_than_is_being_worked_on() -> None:
    items = Counted(list(range(1000)))
    found = by_portions(shifted, 0, items, size=10, workers=2, label="adding")
    next(found)
    assert items.asked == 50  # two portions a process, and one in place of that which is done
    found.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system cannot block signals")
def test_a_worker_never_sees_ctrl_c_not_even_while_it_starts() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    found = list(by_portions(blocked, None, range(20), size=1, workers=3, label="looking"))
    assert all(all(part) for part in found)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, set()) == before, "of this process"


def test_a_process_that_dies_is_one_message() -> None:
    with pytest.raises(HairsplitError) as caught:
        list(by_portions(dead, None, range(9), size=1, workers=2, label="counting"))
    assert (caught.value.message, caught.value.where) == ("a worker process died", "counting")
    assert "--workers" in caught.value.hint


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_that_a_worker_finds_arrives_whole(workers: int) -> None:
    with pytest.raises(HairsplitError) as caught:
        list(by_portions(wrong, None, range(9), size=1, workers=workers, label="counting"))
    assert str(caught.value) == "here: three\n  hint: leave it out"
    assert multiprocessing.active_children() == []


def test_ctrl_c_that_another_thread_takes_waits_for_the_end_of_the_block() -> None:
    steps = []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ready, done = threading.Event(), threading.Event()

    def other() -> None:  # started before the block, so the signal is not blocked here
        ready.wait(10)
        signal.raise_signal(signal.SIGINT)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            with _interrupts_blocked():
                ready.set()
                assert done.wait(10)
                steps.append("to the end")
            steps.append("not reached")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert steps == ["to the end"]
