"""The error class for a user's mistake: where, what, what to do."""


class HairsplitError(Exception):
    """A mistake in the input that the user can mend; the command line prints it without a traceback.

    Args:
        message: What is wrong, with the offending value.
        where: File, row, key or command in which it is wrong.
        hint: What to do about it.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  hint: {self.hint}" if self.hint else head

    def __reduce__(self) -> tuple[object, ...]:  # keyword arguments survive the way back from a worker process
        return (_rebuild, (type(self), self.message, self.where, self.hint))


class StoppedError(HairsplitError):
    """The user, or the cluster's scheduler, asked to stop, and what was done so far was saved; exit code 130."""


def _rebuild(kind: type[HairsplitError], message: str, where: str, hint: str) -> HairsplitError:
    return kind(message, where=where, hint=hint)
