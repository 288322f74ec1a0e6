"""What accelerate's launcher was told, as an engine of ours; what there is none for is refused."""

import contextlib
import os
from collections.abc import Iterator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.engines.names import EngineName

_PLUGINS = ("FSDP", "DEEPSPEED", "MEGATRON_LM", "PARALLELISM_CONFIG")
_ZERO = "ACCELERATE_DEEPSPEED_"
_NOT_DONE = {
    "FSDP": {
        "FSDP_OFFLOAD_PARAMS": "offloads weights",
        "FSDP_ACTIVATION_CHECKPOINTING": "checkpoints activations: set `activation_checkpointing: true` instead",
    },
    "DEEPSPEED": {
        f"{_ZERO}CONFIG_FILE": "has a file of DeepSpeed's, which is not read: give it `zero_stage` instead",
        f"{_ZERO}OFFLOAD_OPTIMIZER_DEVICE": "offloads the optimiser's state",
        f"{_ZERO}OFFLOAD_PARAM_DEVICE": "offloads weights",
        f"{_ZERO}MOE_LAYER_CLS_NAMES": "has layers of experts",
    },
}
"""Plugin -> variable of the launcher -> what it asks for, and what else to do."""
_ENGINES: dict[str, EngineName] = {"0": "ddp", "1": "zero1", "2": "zero2", "3": "zero3"}


def asked() -> EngineName | None:
    """The engine that accelerate's launcher was told to use, `fsdp2` or by ZeRO's stage; None: none in particular.

    Raises:
        HairsplitError: There is no such engine here, or it does not do what the launcher was told as well.
    """
    plugins = [name for name in _PLUGINS if _on(f"ACCELERATE_USE_{name}")]
    if not plugins:
        return None
    plugin = plugins[-1]
    if plugin not in _NOT_DONE:
        raise _refusal(f"use accelerate's {plugin}, for which there is no engine here")
    for variable, what in _NOT_DONE[plugin].items():
        if os.environ.get(variable, "").lower() not in {"", "none", "false", "0"}:
            raise _refusal(f"use a configuration that {what}")
    if plugin == "FSDP":
        if os.environ.get("FSDP_VERSION", "1") != "2":
            raise _refusal("use accelerate's FSDP of version 1 (for version 2, --fsdp_version 2)")
        return "fsdp2"
    stage = os.environ.get(f"{_ZERO}ZERO_STAGE", "2")  # accelerate's own default
    if stage not in _ENGINES:
        raise _refusal(f"use ZeRO of stage {stage}")
    return _ENGINES[stage]


@contextlib.contextmanager
def without_plugins() -> Iterator[None]:
    """Accelerate, set up within it, takes no plugin of its launcher's: it is told of only by these variables."""
    names = [f"ACCELERATE_USE_{name}" for name in _PLUGINS]
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ |= hidden


def told(engine: EngineName, precision: str) -> list[str]:
    """What the launcher was told, and what of it is done, as lines for the user."""
    lines = []
    if (theirs := asked()) is not None:
        what = f"engine: {engine}, as accelerate's launcher was told" if theirs == engine else f"engine: {engine}"
        alone = ", but one process has nothing to shard" if theirs != engine else ""
        lines.append(f"{what}{alone}; its other settings (accumulation, clipping, wrapping) are not used")
    mixed = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if mixed not in {"no", precision}:
        lines.append(f"precision: {precision}, and not the launcher's mixed_precision={mixed}")
    return lines


def _on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"1", "true", "yes"}


def _refusal(what: str) -> HairsplitError:
    return HairsplitError(
        f"the launcher was told to {what}",
        where="engine",
        hint="launch without it (torchrun will do), and set `engine: fsdp2`, or zero1 to zero3, to shard",
    )
