"""What the operating system refuses, in words and with a remedy."""

import errno

import pytest

from hairsplit.cli.failures import fail, from_system
from hairsplit.core.errors import HairsplitError, StoppedError


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b: No space left on device\n  hint: free some"),
        (
            PermissionError(errno.EACCES, "Permission denied", "a"),
            "a: Permission denied\n  hint: check the permissions",
        ),
        (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), "a -> b: Invalid cross-device link"),
        (OSError("no number"), "no number\n  hint: check the path"),
        (TimeoutError(), "TimeoutError\n  hint: check the path"),
    ],
)
def test_a_refusal_says_what_and_where_and_what_to_do(error: OSError, shown: str) -> None:
    assert str(from_system(error)).startswith(shown)


def test_a_mistake_is_printed_as_an_error_and_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        fail(HairsplitError("a", where="b", hint="c"))
    assert (end.value.code, *capsys.readouterr()) == (2, "", "hairsplit: b: a\n  hint: c\n")


def test_a_run_that_was_asked_to_stop_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        fail(StoppedError("stopped at step 3", where="run", hint="--resume goes on"))
    assert (end.value.code, capsys.readouterr().err) == (
        130,
        "hairsplit: run: stopped at step 3\n  hint: --resume goes on\n",
    )
