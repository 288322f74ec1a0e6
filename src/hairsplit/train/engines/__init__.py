"""Engines: how the ranks share weights, gradients and the optimiser's state. All give one process's numbers."""

from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.engines.names import REPLICATED, EngineName
from hairsplit.train.engines.replicated import Replicated

__all__ = ["EngineName", "Replicated", "choose"]


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
