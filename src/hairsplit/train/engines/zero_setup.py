"""DeepSpeed as it is set up for ZeRO, and its optimiser as the training loop sees it."""

import importlib
import logging
import os
import sys
import warnings
from typing import Any

import torch

from hairsplit.core.errors import HairsplitError


class Stepping:
    """DeepSpeed's optimiser as the loop sees it."""

    def __init__(self, inner: Any, groups: list[dict[str, Any]]) -> None:
        self._inner = inner
        self.param_groups = groups
        """With parameters that have nothing but their shape."""

    def pass_on(self) -> None:
        """Give DeepSpeed's groups the settings (learning rates) of these."""
        for ours, theirs in zip(self.param_groups, self._inner.optimizer.param_groups, strict=True):
            theirs |= {key: value for key, value in ours.items() if key != "params"}

    def step(self) -> None:
        """Clip, step, and drop the gradient.

        Raises:
            HairsplitError: DeepSpeed skipped the step.
        """
        self.pass_on()
        self._inner.step()
        if not self._inner.was_step_applied():
            raise HairsplitError("DeepSpeed skipped a step", where="engine", hint="use `engine: fsdp2`")

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Drop the gradient."""
        self._inner.optimizer.zero_grad(set_to_none=set_to_none)


def deepspeed_for(device: torch.device) -> Any:
    """The package, told of the device and kept from saying what a user can do nothing about."""
    if device.type == "cpu":
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # it takes a GPU that is there otherwise
    # It calls what this torch calls by another name; the user can do nothing about that.
    warnings.filterwarnings("ignore", r".*torch\.distributed\.\w+. is deprecated", FutureWarning)
    deepspeed: Any = importlib.import_module("deepspeed")
    # On CPUs it would compile an all-reduce of its own at the first start; gloo does, and needs no compiler.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    logger = logging.getLogger("DeepSpeed")
    logger.setLevel(logging.ERROR)  # it warns of every optimiser but its own
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)  # stdout is for what the command answers
    return deepspeed


def settings(stage: int, ranks: int) -> dict[str, Any]:
    """All that can change a number, and the sizes of the buckets."""
    return {
        "train_micro_batch_size_per_gpu": 1,  # only their ratios matter: the loop makes the batches
        "gradient_accumulation_steps": 1,  # the loop says which micro-batch is a step's last
        "train_batch_size": ranks,
        "gradient_clipping": 0.0,  # the loop says to what norm
        "prescale_gradients": False,
        "gradient_predivide_factor": 1.0,
        "fp16": {"enabled": False},
        "bf16": {"enabled": False},  # autocast is the loop's
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": None,
        "wall_clock_breakdown": False,
        "zero_optimization": {
            "stage": stage,
            "overlap_comm": False,
            "contiguous_gradients": True,
            "round_robin_gradients": False,
            "reduce_scatter": True,
            "reduce_bucket_size": 50_000_000,
            "allgather_bucket_size": 50_000_000,
            "stage3_param_persistence_threshold": 0,
            "stage3_prefetch_bucket_size": 0,
        },
    }
