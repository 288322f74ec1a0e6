"""Thesis runs in processes of their own: as one of two ranks, killed, and started again by torchrun."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hairsplit import api
from hairsplit._verbs import thesis


def rank(_rank: int, file: Path, words: list[str], out: Path) -> None:
    """One of two ranks."""
    api.train_thesis(file, words, out, quiet=True)


def start(restarts: int, kill: str, file: Path, words: list[str], out: Path) -> None:
    """A start by torchrun, killed with the import half done ("import"), with it done ("imported"), or not at all."""
    os.environ |= {"TORCHELASTIC_RUN_ID": "a", "TORCHELASTIC_RESTART_COUNT": str(restarts)}
    inner: Callable[..., Any] = vars(thesis)["import_pairs"]

    def deadly(*arguments: Any, **more: Any) -> Any:
        if kill == "import":
            (out / "data").mkdir()
            (out / "data" / ".train.parquet.torn").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(*arguments, **more)

    setattr(thesis, "import_pairs", deadly)  # noqa: B010 - in a process of its own
    if kill == "imported":
        setattr(thesis, "run_training", lambda *_a, **_k: os.kill(os.getpid(), signal.SIGKILL))  # noqa: B010
    api.train_thesis(file, words, out, quiet=True)
