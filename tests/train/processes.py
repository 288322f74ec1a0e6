"""Training in processes of their own, which can be killed; they are forked from one that has imported all there is."""

import os
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import torch

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.train.config import TrainConfig

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.train.processes", "hairsplit._verbs.train", "transformers.models.clip"])
STOPPED = 3
"""Exit code after a HairsplitError, whose text is then in <run>.error."""


def _train(config: TrainConfig, out: Path, resume: bool) -> None:
    torch.set_num_threads(1)
    try:
        api.train(config, out, resume=resume, quiet=True)
    except HairsplitError as error:
        out.with_suffix(".error").write_text(str(error))
        os._exit(STOPPED)


def run(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    until: int | None = None,
    send: signal.Signals = signal.SIGKILL,
) -> int:
    """Train to the end, or send a signal as soon as the log holds the step `until`; returns the exit code."""
    process = CONTEXT.Process(target=_train, args=(config, out, resume))
    process.start()
    while until is not None and process.is_alive() and _logged(out) < until:
        time.sleep(0.001)
    if until is not None and process.pid is not None and process.is_alive():
        os.kill(process.pid, send)
    process.join(300)
    if process.exitcode is None:
        raise TimeoutError(f"{out} trains for more than 300 seconds")
    return process.exitcode


def _logged(out: Path) -> int:
    """Steps that the log holds."""
    log = out / "metrics.jsonl"
    return log.read_bytes().count(b'{"kind": "train"') if log.is_file() else 0
