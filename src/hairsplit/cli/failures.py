"""How commands end that do not succeed: one clear message and an exit code, never a traceback."""

import contextlib
import errno
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from hairsplit.core.errors import HairsplitError, StoppedError

MISTAKE, INTERRUPTED, TERMINATED = 2, 130, 143
"""Exit codes: of what the user can mend, of Ctrl-C, and of SIGTERM, which clusters send when time is up."""
_SPACE = "free some space, or choose another --out"
_PERMISSIONS = "check the permissions of the file and of its folder"
_HINTS = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "choose another --out",
    errno.EMFILE: "raise `ulimit -n`, or use fewer --workers",
}


class _Terminated(KeyboardInterrupt):
    """SIGTERM came."""


class Verbs(TyperGroup):
    """Verbs of which Ctrl-C makes one line and the exit code that shells give it; Typer alone says nothing.

    SIGTERM ends them in the same way, so that no temporary file is left by it.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that the command line names."""
        try:
            with _terminable():
                return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            typer.echo("hairsplit: interrupted; nothing half-written was kept", err=True)
            raise typer.Exit(TERMINATED if isinstance(stopped, _Terminated) else INTERRUPTED) from None


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is raised as an exception meanwhile, unless something else handles it."""
    main = threading.current_thread() is threading.main_thread()  # signals are the main thread's
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(_number: int, _frame: object) -> NoReturn:
        raise _Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def from_system(error: OSError) -> HairsplitError:
    """What the operating system refused, and what to do about it."""
    files = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    message = error.strerror or str(error) or type(error).__name__
    return HairsplitError(message, where=files, hint=_HINTS.get(error.errno or 0, "check the path and the disk"))


def fail(error: HairsplitError) -> None:
    """Print a user's mistake, or that they asked to stop, and end the process."""
    typer.echo(f"hairsplit: {error}", err=True)
    sys.exit(INTERRUPTED if isinstance(error, StoppedError) else MISTAKE)
