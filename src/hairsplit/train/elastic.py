"""Restarts by the launcher: workers that torchrun starts again go on with the run that they had begun."""

import os
import shutil
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from hairsplit.core.run import new_folder, read_json, text_hash


def restarts() -> int:
    """How often torchrun has started the ranks again."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def meet_again(timeout: timedelta) -> None:
    """Bring the ranks together after a restart, before accelerate would; nothing at the first start.

    The agents of torchrun may keep one store through all restarts, in which the addresses of the ranks that died still
    stand, and gloo waits for those: the keys of each restart need a prefix of their own.

    Args:
        timeout: Of every later operation of the group.
    """
    shared = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if restarts() == 0 or not shared or dist.is_initialized():
        return
    rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    stores: Any = dist  # torch's stubs do not name them
    store = stores.PrefixStore(f"restart_{restarts()}", stores.TCPStore(*place, ranks, is_master=False))
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        backend = "nccl"
    dist.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=timeout)


def launch() -> str | None:
    """What tells this start of torchrun from all others, the same in each of its restarts; None without torchrun.

    Its rendezvous id, which is to be unique; where there is none, the launching process.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return None
    given = os.environ["TORCHELASTIC_RUN_ID"]
    return given if given != "none" else f"{socket.gethostname()} {os.getppid()}"


def claim(run: Path) -> None:
    """Make the folder of a run that is yet to begin; if it is killed before it has, the restarted ranks begin anew.

    Under torchrun an empty file, whose name tells this launch, stands in the folder from the first moment until
    `begun`: all else that is there after a restart was left by the ranks that were killed, and is removed.

    Raises:
        HairsplitError: The folder holds something already, or cannot be written to.
    """
    mark = _mark(run)
    if restarts() and mark is not None and mark.is_file():
        for left in run.iterdir():
            if left != mark:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        mark.unlink()
    new_folder(run)
    if mark is not None:
        mark.touch()


def begun(run: Path) -> None:
    """To be called when the run can be resumed, or is given up: nothing is left of `claim` but the folder."""
    if (mark := _mark(run)) is not None:
        mark.unlink(missing_ok=True)


def _mark(run: Path) -> Path | None:
    launched = launch()
    return None if launched is None else run / f".begins-{text_hash(launched)}"


def restarted(run: Path) -> bool:
    """Whether torchrun has started this process again, and the run in this folder is its own.

    A folder that was there before torchrun was started is another run's, however often workers are restarted.
    """
    if restarts() == 0 or not (run / "config.yaml").is_file():
        return False
    stamped = read_json(run / "stamp.json")
    before = stamped.get("launch") if isinstance(stamped, dict) else None
    return before is not None and before == launch()
