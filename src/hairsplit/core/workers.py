"""One job over many items, in worker processes: the same results in the same order for any number of them."""

import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from threading import current_thread, main_thread
from typing import Any, TypeVar

from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import progress_bar

J = TypeVar("J")
A = TypeVar("A")
B = TypeVar("B")

MOST_WORKERS = 61
"""Windows waits for no more processes at once."""


def by_portions(
    work: Callable[[J, Sequence[A]], B], job: J, items: Sequence[A], *, size: int, workers: int, label: str
) -> Iterator[B]:
    """Yield `work(job, portion)` for each portion of `size` items, in order, with a progress bar in items.

    Args:
        work: A module's function; its result must depend on its arguments only.
        job: What it needs besides its items; sent to each process once.
        items: What there is to do.
        size: Items in a portion; the last one may have fewer.
        workers: Processes; 1, or a single portion, is done in this process. More start new interpreters, so a script
            needs an `if __name__` guard.
        label: What is done, for the progress bar and for the message of a process that died.

    Raises:
        HairsplitError: A process died.
    """
    portions = (items[start : start + size] for start in range(0, len(items), size))
    count = -(-len(items) // size)
    with progress_bar(label, len(items)) as tick:
        for number, result in enumerate(streamed(work, job, portions, workers=min(workers, count), label=label)):
            tick(min(size, len(items) - number * size))
            yield result


def streamed(
    work: Callable[[J, Sequence[A]], B], job: J, portions: Iterator[Sequence[A]], *, workers: int, label: str
) -> Iterator[B]:
    """As `by_portions`, for portions that come one by one, nobody knows how many; without a bar.

    Raises:
        HairsplitError: A process died.
    """
    if workers <= 1:
        return (work(job, portion) for portion in portions)
    return _pooled(work, job, portions, processes=min(workers, MOST_WORKERS), label=label)


def _pooled(
    work: Callable[[J, Sequence[A]], B], job: J, portions: Iterator[Sequence[A]], *, processes: int, label: str
) -> Iterator[B]:
    # A fork of a process with threads may hang.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (work, job))
    waiting: deque[Future[B]] = deque()

    def submit(most: int) -> None:
        with _interrupts_blocked():  # it may start a process
            waiting.extend(pool.submit(_work, portion) for portion in islice(portions, most))

    try:
        submit(2 * processes)  # no more than that is in memory at once
        while waiting:
            result = waiting.popleft().result()
            submit(1)
            yield result
    except BrokenProcessPool:
        hint = "use fewer --workers: memory may have run out; a script of yours needs `if __name__ == '__main__':`"
        raise HairsplitError("a worker process died", where=label, hint=hint) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C waits for the end of the block; processes started meanwhile never see it: it is the parent's to handle.

    Blocking the signal is not enough: another thread (of pyarrow, of a progress bar) may take it, and Python then runs
    the handler in this one, in the midst of handing a new process its work.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    handler, held = signal.getsignal(signal.SIGINT), list[int]()
    ours = callable(handler) and current_thread() is main_thread()
    if ours:
        signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
        if ours:
            signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


_JOB: list[tuple[Callable[[Any, Any], Any], Any]] = []
"""What this worker process does; set once, by `_begin`."""


def _begin(work: Callable[[J, A], B], job: J) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems that cannot block it
    _JOB[:] = [(work, job)]


def _work(portion: Any) -> Any:
    work, job = _JOB[0]
    return work(job, portion)
