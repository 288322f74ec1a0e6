"""DeepSpeed's ZeRO: stage 1 shards the optimiser's state, 2 the gradients as well, 3 the weights as well.

Not through accelerate, whose plugin becomes DDP without a word on CPUs. Every setting that can change a number is given.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.engines.outputs import Embedded, TupleTowers, on_cpu
from hairsplit.train.engines.replicated import MakeOptimizer, Replicated, skeleton
from hairsplit.train.step import Towers


class Zero(Replicated):
    """ZeRO of a stage, for a clip norm that is fixed when it is made."""

    def __init__(self, accelerator: Accelerator, *, stage: int, clip_norm: float = 0.0) -> None:
        super().__init__(accelerator)
        self.stage, self.clip_norm = stage, clip_norm

    def prepare(self, encoder: DualEncoder, make: MakeOptimizer) -> tuple[nn.Module, Any]:
        """See `Replicated.prepare`.

        Raises:
            HairsplitError: DeepSpeed shards less than it was asked for.
        """
        if self.device.type == "cpu":
            os.environ.setdefault("DS_ACCELERATOR", "cpu")
        import deepspeed

        self._deepspeed = deepspeed
        self._whole = skeleton(encoder, main=self.is_main_process)
        self._shapes = {name: value.shape for name, value in encoder.state_dict().items()}
        base = make()
        self._learning = [p for group in base.param_groups for p in group["params"]]
        names = {id(p): name for name, p in encoder.named_parameters()}
        self._order = [names[id(p)] for p in self._learning]
        self._groups = base.state_dict()["param_groups"]
        self._base = base
        self.encoder = encoder
        deepspeed.init_distributed(dist_backend=torch.distributed.get_backend(), auto_mpi_discovery=False)
        inner, *_ = deepspeed.initialize(
            model=TupleTowers(Towers(encoder)),
            optimizer=base,
            config=_settings(self.stage, self.clip_norm, self.num_processes),
            dist_init_required=False,
        )
        if inner.zero_optimization_stage() != self.stage:
            raise HairsplitError(f"DeepSpeed did not shard as zero{self.stage}", where="engine", hint="use another one")
        self._inner = inner
        return Embedded(inner), _Stepping(inner)

    def penalty(self, start: Mapping[str, Tensor]) -> Callable[[], Tensor]:
        """See `Replicated.penalty`.

        Raises:
            HairsplitError: Stage 3, which has no weights to measure outside the forward pass.
        """
        if self.stage == 3:
            raise HairsplitError(
                "zero3 holds no whole weights, which this objective's L2 penalty needs",
                where="engine",
                hint="use `engine: fsdp2` or zero2, or an objective without L2",
            )
        return super().penalty(start)

    @contextlib.contextmanager
    def no_sync(self, towers: nn.Module) -> Iterator[None]:
        """See `Replicated.no_sync`; from stage 2 on, gradients are exchanged but no step is due."""
        self._inner.set_gradient_accumulation_boundary(False)
        try:
            yield
        finally:
            self._inner.set_gradient_accumulation_boundary(True)

    def backward(self, loss: Tensor) -> None:
        """See `Replicated.backward`."""
        self._inner.backward(loss, scale_wrt_gas=False)

    def step(self, optimizer: Any, learning: list[nn.Parameter], clip_norm: float) -> float:
        """See `Replicated.step`; DeepSpeed clips, by the norm that it was given."""
        self._inner.step()
        norm = self._inner.get_global_grad_norm()
        return float(norm) if norm is not None else 0.0

    def finite(self) -> bool:
        """See `Replicated.finite`."""
        held = (getattr(p, "ds_tensor", p) for p in self.encoder.parameters())
        return all(bool(torch.isfinite(value).all()) for value in held)

    def model(self) -> dict[str, Tensor]:
        """See `Replicated.model`; one tensor at a time is whole on the other ranks."""
        found = {}
        for name, value in self.encoder.state_dict(keep_vars=True).items():
            gathered = self._deepspeed.zero.GatheredParameters([value]) if hasattr(value, "ds_id") else None
            with gathered or contextlib.nullcontext():
                if self.is_main_process:
                    found[name] = on_cpu(value, self._shapes[name])
        return found

    def optimizer_state(self) -> dict[str, Any]:
        """See `Replicated.optimizer_state`."""
        from deepspeed.utils import safe_get_full_optimizer_state

        entries: dict[int, dict[str, Any]] = {}
        steps = [float(state["step"]) for state in self._base.state.values() if "step" in state]
        for index, parameter in enumerate(self._learning if steps else []):
            shape = self._shapes[self._order[index]]
            moments = {key: safe_get_full_optimizer_state(parameter, key) for key in ("exp_avg", "exp_avg_sq")}
            if self.is_main_process:
                entries[index] = {"step": torch.tensor(steps[0])}
                entries[index] |= {key: on_cpu(value, shape) for key, value in moments.items()}
        now = zip(self._groups, self._inner.optimizer.param_groups, strict=True)
        groups = [{**group, "lr": current["lr"]} for group, current in now]
        return {"state": entries, "param_groups": groups} if self.is_main_process else {}

    def load_optimizer(self, state: dict[str, Any]) -> None:
        """See `Replicated.load_optimizer`."""
        from deepspeed.utils import safe_set_full_optimizer_state

        if not state["state"]:
            return
        for group in self._base.param_groups or self._inner.optimizer.param_groups:
            for flat in group["params"]:
                moments = {key: torch.zeros_like(flat) for key in ("exp_avg", "exp_avg_sq")}
                self._base.state[flat] = {"step": state["state"][0]["step"].clone(), **moments}
        if self.stage < 3:
            self._inner.optimizer._lazy_init_hp_params_optimizer_state()
        for index, parameter in enumerate(self._learning):
            for key in ("exp_avg", "exp_avg_sq"):
                safe_set_full_optimizer_state(parameter, state["state"][index][key].to(self.device), key)

    def whole(self, model: Mapping[str, Tensor]) -> DualEncoder:
        """See `Replicated.whole`."""
        if self._whole is None:
            raise ValueError("only the main process holds the whole model")
        self._whole.load_state_dict(model)
        return self._whole


class _Stepping:
    """DeepSpeed's optimiser as the loop sees it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Where the learning rate is set."""
        groups: list[dict[str, Any]] = self._inner.optimizer.param_groups
        return groups


def _settings(stage: int, clip_norm: float, ranks: int) -> dict[str, Any]:
    """All that can change a number, and the sizes of the buckets."""
    return {
        "train_micro_batch_size_per_gpu": 1,  # only their ratios matter: the loop makes the batches
        "gradient_accumulation_steps": 1,  # the loop says which micro-batch is a step's last
        "train_batch_size": ranks,
        "gradient_clipping": clip_norm,  # 0: never
        "prescale_gradients": False,
        "gradient_predivide_factor": 1.0,
        "fp16": {"enabled": False},
        "bf16": {"enabled": False},  # autocast is the loop's
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": 10**9,
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
