"""Many small jobs on files, in threads, with the time left shown on a terminal."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

A = TypeVar("A")
B = TypeVar("B")


def parallel_map(function: Callable[[A], B], items: Sequence[A], *, label: str, workers: int | None = None) -> list[B]:
    """`[function(item) for item in items]`, in threads: decoding and hashing let go of the interpreter lock.

    Shows a progress bar with the time left if stderr is a terminal. An error or Ctrl-C drops the jobs that still wait.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    pool = ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1))
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            return list(bar.track(pool.map(function, items), total=len(items), description=label))
    finally:
        pool.shutdown(cancel_futures=True)
