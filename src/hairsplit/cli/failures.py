"""How commands end that do not succeed: one clear message and an exit code, never a traceback."""

import errno
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from hairsplit.core.errors import HairsplitError, StoppedError

MISTAKE, INTERRUPTED = 2, 130
"""Exit codes: of what the user can mend, and of Ctrl-C."""
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


class Verbs(TyperGroup):
    """Verbs of which Ctrl-C makes one line and the exit code that shells give it; Typer alone says nothing."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that the command line names."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("hairsplit: interrupted; nothing half-written was kept", err=True)
            raise typer.Exit(INTERRUPTED) from None


def from_system(error: OSError) -> HairsplitError:
    """What the operating system refused, and what to do about it."""
    files = " -> ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    message = error.strerror or str(error) or type(error).__name__
    return HairsplitError(message, where=files, hint=_HINTS.get(error.errno or 0, "check the path and the disk"))


def fail(error: HairsplitError) -> None:
    """Print a user's mistake, or that they asked to stop, and end the process."""
    typer.echo(f"hairsplit: {error}", err=True)
    sys.exit(INTERRUPTED if isinstance(error, StoppedError) else MISTAKE)
