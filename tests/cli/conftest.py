"""The command line run in this process, and a very small world to run it on."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hairsplit.cli.main import main
from tests.small_world import World, make_world


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def refused(done: Done) -> str:
    """Exit code 2 and one clear message, which is returned."""
    assert done.code == 2, done
    assert done.err.count("hairsplit: ") == 1, done.err
    message = done.err[done.err.index("hairsplit: ") :]
    assert "Traceback" not in done.err
    first, *hint = message.splitlines()
    assert len(first) < 400
    assert hint
    assert hint[-1].startswith("  hint: ")
    return message


Hairsplit = Callable[..., Done]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def hairsplit(capsys: pytest.CaptureFixture[str]) -> Hairsplit:
    """`hairsplit WORD...`, in this process: torch is loaded once for all tests."""

    def run(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        code = end.value.code
        return Done(code if isinstance(code, int) else 0 if code is None else 1, *capsys.readouterr())

    return run
