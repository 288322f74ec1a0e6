"""Engines: how the ranks share weights, gradients and the optimiser's state. All give one process's numbers."""

import importlib.util
import os

from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.engines.names import EngineName
from hairsplit.train.engines.replicated import Replicated

__all__ = ["EngineName", "Replicated", "choose"]


def choose(name: EngineName, accelerator: Accelerator) -> Replicated:
    """The engine that `name` asks for; `auto` is what `accelerate launch` was told, else DDP (or one process).

    Raises:
        HairsplitError: It needs more than one rank, or a package that is not installed, or the launcher was told to use
            another one.
    """
    told = _launchers()
    if name != "auto" and told is not None and told != name:
        raise HairsplitError(
            f"`engine: {name}`, and the launcher was told {told}", where="engine", hint=f"use `engine: auto`, or {told}"
        )
    wanted = told or "ddp" if name == "auto" else name
    if name != "auto" and accelerator.num_processes == 1:
        raise HairsplitError(
            f"{name} shares the work of several ranks, and there is one",
            where="engine",
            hint="start it with `torchrun --nproc-per-node 2 -m hairsplit train ...`, or use `engine: auto`",
        )
    if wanted == "ddp" or accelerator.num_processes == 1:
        return Replicated(accelerator)
    if wanted == "fsdp2":
        from hairsplit.train.engines.fsdp2 import FSDP2

        return FSDP2(accelerator)
    if importlib.util.find_spec("deepspeed") is None:
        raise HairsplitError(f"{wanted} needs deepspeed", where="engine", hint="pip install 'hairsplit[deepspeed]'")
    from hairsplit.train.engines.zero import Zero

    return Zero(accelerator, stage=int(wanted[-1]))


def _launchers() -> EngineName | None:
    """What the configuration of `accelerate launch` asks for, which reaches us in the environment."""
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        if os.environ.get("FSDP_VERSION", "1") != "2":
            raise HairsplitError(
                "accelerate was told FSDP version 1, which is not built in", where="engine", hint="fsdp_version: 2"
            )
        return "fsdp2"
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "").lower() == "true":
        stages: dict[str, EngineName] = {"0": "ddp", "1": "zero1", "2": "zero2", "3": "zero3"}
        return stages.get(os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2"), "zero2")
    return None
