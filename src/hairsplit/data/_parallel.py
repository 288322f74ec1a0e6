"""Many small jobs on files, in threads, with the time left shown on a terminal."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar

from hairsplit.core.progress import progress_bar

A = TypeVar("A")
B = TypeVar("B")


def default_threads() -> int:
    """One per core, at most 8: more wait for the disk."""
    return min(8, os.cpu_count() or 1)


def parallel_map(
    function: Callable[[A], B], items: Sequence[A], *, label: str | None, workers: int | None = None
) -> list[B]:
    """`[function(item) for item in items]`, in threads: decoding and hashing let go of the interpreter lock.

    With a label it shows a progress bar with the time left, if stderr is a terminal. An error or Ctrl-C drops the jobs
    that still wait.
    """
    pool = ThreadPoolExecutor(workers or default_threads())
    found: list[B] = []
    try:
        with nullcontext(_silent) if label is None else progress_bar(label, len(items)) as tick:
            for result in pool.map(function, items):
                found.append(result)
                tick(1)
        return found
    finally:
        pool.shutdown(cancel_futures=True)


def in_background(function: Callable[[A], B], item: A) -> Future[B]:
    """Start `function(item)` in a thread that nobody waits for when the process ends."""
    future: Future[B] = Future()

    def run() -> None:
        try:
            future.set_result(function(item))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def _silent(_done: int) -> None:
    """Show nothing."""
