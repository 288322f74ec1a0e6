"""The progress bar: on a terminal it shows the time left, elsewhere it is silent."""

import os
import pty
import subprocess
import sys

import pytest

from hairsplit.core.progress import progress_bar

CODE = """
from hairsplit.core.progress import progress_bar
with progress_bar("drawing scenes", 40) as tick:
    tick(10)
    tick(30)
"""


def test_a_file_or_a_pipe_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("drawing scenes", 3) as tick:
        tick(3)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_the_label_the_count_and_the_time_left() -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], stderr=theirs, stdout=subprocess.PIPE, env=environment, check=False
    )
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "drawing scenes" in seen
    assert "40/40" in seen
    assert "0:00:0" in seen
