"""What a person sees while a run goes on: a bar with loss, margin and time left, and Ctrl-C that loses nothing."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """A progress bar on the error stream, or nothing where that is no terminal or this is not the first rank."""

    def __init__(self, label: str, total: int, *, done: int = 0, shown: bool = True) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._progress.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def step(self, note: str = "") -> None:
        """One step is done."""
        self._progress.update(self._task, advance=1)
        if note:
            self._progress.update(self._task, note=note)


class Stop:
    """Whether the user, or the cluster's scheduler, has asked the run to stop."""

    asked = False


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Turn the first Ctrl-C or SIGTERM into a wish that the loop can grant between two steps; the second one kills."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield stop
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(number, old[number])

    # None stands for a handler that was not set from Python and cannot be set again from here
    old: dict[int, Any] = {n: signal.getsignal(n) or signal.SIG_DFL for n in (signal.SIGINT, signal.SIGTERM)}
    for number in old:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
