"""Engines: how the ranks share weights, gradients and the optimiser's state. All give one process's numbers."""

import os

from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.engines.names import REPLICATED, EngineName
from hairsplit.train.engines.replicated import Replicated

__all__ = ["EngineName", "Replicated", "choose", "refuse_plugins"]


def refuse_plugins() -> None:
    """To be called before accelerate is set up, which would take the plugin of its launcher's configuration.

    Raises:
        HairsplitError: The launcher was told to use accelerate's FSDP or DeepSpeed.
    """
    for name, variable in (("FSDP", "ACCELERATE_USE_FSDP"), ("DeepSpeed", "ACCELERATE_USE_DEEPSPEED")):
        if os.environ.get(variable, "").lower() in {"1", "true", "yes"}:
            raise HairsplitError(
                f"the launcher was told to use accelerate's {name}, and the engine is chosen here",
                where="engine",
                hint="launch without it (torchrun will do), and set `engine: fsdp2`, or zero1 to zero3, to shard",
            )


def choose(name: EngineName, accelerator: Accelerator) -> Replicated:
    """The engine that `name` asks for; `auto` is DDP, or nothing in a process alone.

    Raises:
        HairsplitError: It needs more than one rank, and there is one; or DeepSpeed, and it is not installed.
    """
    if name != "auto" and accelerator.num_processes == 1:
        raise HairsplitError(
            f"{name} shares the work of several ranks, and this process is alone",
            where="engine",
            hint="start it with `torchrun --nproc-per-node 2 -m hairsplit train ...` "
            "(`accelerate launch --cpu --num_processes 2` starts one process), or use `engine: auto`",
        )
    if name in REPLICATED:
        return Replicated(accelerator)
    if name != "fsdp2":
        from hairsplit.train.engines.zero import Zero

        return Zero(accelerator, stage=int(name.removeprefix("zero")))
    from hairsplit.train.engines.fsdp2 import FSDP2

    return FSDP2(accelerator)
