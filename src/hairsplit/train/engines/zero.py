"""DeepSpeed's ZeRO: stage 1 shards the optimiser's state, 2 the gradients as well, 3 the weights as well.

After Rajbhandari et al., arXiv:1910.02054. Not through accelerate, whose plugin becomes DDP without a word on CPUs, and
not by a file of DeepSpeed's: every setting of it that can change a number is given here.
"""

import contextlib
import importlib.util
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor, nn

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.engines.outputs import CastEmbedded, CastTowers, on_cpu, without_scalars
from hairsplit.train.engines.replicated import MakeOptimizer, Replicated, skeleton
from hairsplit.train.engines.zero_setup import Stepping, deepspeed_for, settings
from hairsplit.train.sharded_state import COUNT, WEIGHT, Run, Saved, Shards
from hairsplit.train.step import Towers


class Zero(Replicated):
    """ZeRO of one stage, in single precision (autocast is the loop's).

    Raises:
        HairsplitError: DeepSpeed is not installed.
    """

    def __init__(self, accelerator: Accelerator, *, stage: int) -> None:
        super().__init__(accelerator)
        self.stage = stage
        if importlib.util.find_spec("deepspeed") is None:
            raise HairsplitError(
                f"zero{stage} is DeepSpeed's, which is not installed",
                where="engine",
                hint='pip install "hairsplit[deepspeed]", or use `engine: fsdp2`, which needs nothing more',
            )
        self._weight: Tensor | None = None
        """Stands in the loss for the penalty, of which each rank has its shards' part."""

    def prepare(self, encoder: DualEncoder, make: MakeOptimizer, *, local: bool = False) -> tuple[nn.Module, Any]:
        """See `Replicated.prepare`.

        Raises:
            HairsplitError: DeepSpeed shards less than it was asked for.
        """
        deepspeed = deepspeed_for(self.device)
        self._gathered: Callable[..., Any] = deepspeed.zero.GatheredParameters
        self._whole = skeleton(encoder, main=self.is_main_process)
        self._shapes = {name: value.shape for name, value in encoder.state_dict().items()}
        without_scalars(encoder)  # DeepSpeed sends parameters as bytes, which it cannot view one of no dimension as
        self.encoder, self._base = encoder, make()
        names = {id(p): name for name, p in encoder.named_parameters()}
        self._learning: list[Any] = [p for group in self._base.param_groups for p in group["params"]]
        self._learning_names = [names[id(p)] for p in self._learning]
        self._indices: list[list[int]] = [group["params"] for group in self._base.state_dict()["param_groups"]]
        # The groups as the loop knows them: DeepSpeed puts one flat tensor in the place of a group's parameters.
        self._groups: list[dict[str, Any]] = [
            {**group, "params": [torch.empty_like(p, device="meta") for p in group["params"]]}
            for group in self._base.param_groups
        ]
        deepspeed.init_distributed(dist_backend=dist.get_backend(), auto_mpi_discovery=False, verbose=False)
        towers = CastTowers(Towers(encoder, sharded=True, local=local), self.device)
        self._inner, *_ = deepspeed.initialize(
            model=towers,
            optimizer=self._base,
            config=settings(self.stage, self.num_processes),
            dist_init_required=False,
        )
        self._refuse_whole()
        self._stepping = Stepping(self._inner, self._groups)
        return CastEmbedded(self._inner, towers), self._stepping

    def _refuse_whole(self) -> None:
        """One rank's part of what learns, and in stage 3 of each weight, must be about one of as many as there are."""
        numbers = sum(self._shapes[name].numel() for name in self._learning_names)
        held = sum(flat.numel() for flat in self._flats())
        room = numbers / self.num_processes + 4 * len(self._learning) + 64 * len(self._groups)  # parts are padded
        sharded = self._inner.zero_optimization_stage() == self.stage and 0 < held <= min(room, numbers - 1)
        if self.stage == 3:
            sharded &= all(hasattr(p, "ds_tensor") and not p.numel() for p in self.encoder.parameters())
        else:
            sharded &= self._inner.optimizer.partition_gradients == (self.stage == 2)
        if not sharded:
            raise HairsplitError(
                f"DeepSpeed did not shard as zero{self.stage} does", where="engine", hint="use `engine: fsdp2`"
            )

    def _flats(self) -> list[Tensor]:
        """This rank's parts of what learns, for which the optimiser keeps its state."""
        inner = self._inner.optimizer
        flats: list[Tensor] = (
            inner.fp32_partitioned_groups_flat if self.stage == 3 else inner.single_partition_of_fp32_groups
        )
        return flats

    def penalty(self, start: Mapping[str, Tensor]) -> Callable[[], Tensor]:
        """See `Replicated.penalty`; in stage 3 each rank computes its shards' part."""
        if self.stage != 3:
            return super().penalty({name: start[name].reshape(p.shape) for name, p in self._named()})
        self._starts = {name: self._shard(p, start[name]).clone() for name, p in self._named()}

        def penalty() -> Tensor:
            # One sum per tensor, added up in float64, as in `penalty.py`.
            sums = [self._distance(name, p).square().sum().double() for name, p in self._named()]
            total = torch.stack(sums).sum()
            dist.all_reduce(total)
            self._weight = total.float().requires_grad_()
            return self._weight

        return penalty

    def _all(self) -> list[tuple[str, Any]]:
        return list(self.encoder.named_parameters())

    def _named(self) -> list[tuple[str, Any]]:
        return [(name, p) for name, p in self._all() if p.requires_grad]

    def _shard(self, parameter: Any, whole: Tensor) -> Tensor:
        """This rank's part of a tensor, as DeepSpeed cuts the parameter up: equal runs, the last ones padded."""
        held: Tensor = parameter.ds_tensor
        size = held.numel()
        begin = min(self.process_index * size, whole.numel())
        return whole.detach().reshape(-1)[begin : begin + size].to(held.device)

    def _distance(self, name: str, parameter: Any) -> Tensor:
        start = self._starts[name]
        held: Tensor = parameter.ds_tensor
        return held.detach()[: len(start)] - start

    @contextlib.contextmanager
    def no_sync(self, towers: nn.Module) -> Iterator[None]:
        """See `Replicated.no_sync`; from stage 2 on gradients are exchanged all the same, as there is no room."""
        self._inner.set_gradient_accumulation_boundary(False)
        try:
            yield
        finally:
            self._inner.set_gradient_accumulation_boundary(True)

    def backward(self, loss: Tensor) -> None:
        """See `Replicated.backward`."""
        self._inner.backward(loss, scale_wrt_gas=False)
        if self._weight is not None and (weight := self._weight.grad) is not None:
            self._weight = None
            for name, p in self._named():
                far = self._distance(name, p)
                gradient = self._inner.optimizer.get_local_fp32_grad_for_param(p).clone()
                gradient[: len(far)] += 2 * weight * far  # averaged over the ranks already
                self._inner.optimizer.set_local_grad_for_param(gradient, p)

    def clip(self, learning: Iterable[nn.Parameter], most: float) -> float:
        """See `Replicated.clip`; the gradient is scaled in the step, by torch's factor, which is DeepSpeed's too."""
        optimizer = self._inner.optimizer
        optimizer.clip_grad = most
        groups = optimizer._get_norm_groups() if self.stage == 3 else [optimizer.scaled_global_norm()]
        norms = [float(norm) for norm in groups]
        if any(not math.isfinite(norm) or norm < 0 for norm in norms):  # -1 stands for either
            return math.nan
        return math.hypot(*norms)

    def finite(self) -> bool:
        """See `Replicated.finite`."""
        held = (getattr(p, "ds_tensor", p) for p in self.encoder.parameters())
        return all(bool(torch.isfinite(value).all()) for value in held)

    def model(self) -> dict[str, Tensor]:
        """See `Replicated.model`; in stage 3 one tensor at a time is whole on the other ranks."""
        found = {}
        for name, value in self.encoder.state_dict(keep_vars=True).items():
            with self._gathered([value]) if hasattr(value, "ds_id") else contextlib.nullcontext():
                if self.is_main_process:
                    found[name] = on_cpu(value, self._shapes[name])
        return found

    def optimizer_state(self) -> dict[str, Any]:
        """See `Replicated.optimizer_state`; the groups without tensors."""
        groups = [{**group, "params": which} for group, which in zip(self._groups, self._indices, strict=True)]
        return {"state": {}, "param_groups": groups}

    def shards(self) -> Shards:
        """See `Replicated.shards`; weights that all ranks hold are written a part by each."""
        runs: dict[str, dict[str, Run]] = {}
        for name, p in self._all():
            begin, end = self._weights_run(p)
            held = p.ds_tensor[: end - begin] if self.stage == 3 else p.detach().reshape(-1)[begin:end]
            runs[name] = {WEIGHT: (begin, held)}
        state = self._base.state.get(self._flats()[0], {})
        parts = [kind for kind, value in state.items() if _is_part(kind, value)]
        if parts:
            self._link()
        for name, p in self._named() if state else ():
            begin, end = self._state_run(p)
            if begin < end:
                runs[name] |= {kind: (begin, self._state_part(p, kind)[: end - begin]) for kind in parts}
                runs[name] |= {kind: (0, value.clone()) for kind, value in state.items() if kind not in parts}
        return Shards(runs, self._shapes, self._learning_names)

    def load(self, saved: Saved) -> None:
        """See `Replicated.load`."""
        for group, found in zip(self._groups, saved.groups, strict=True):
            group |= {key: value for key, value in found.items() if key != "params"}
        self._stepping.pass_on()
        own: dict[str, dict[str, Tensor]] = {}
        with saved.reader(self._learning_names) as reader, torch.no_grad():
            for name, p in self._all():
                if self.stage == 3:
                    begin, end = self._weights_run(p)
                    p.ds_tensor[: end - begin].copy_(reader.numbers(WEIGHT, name, begin, end))
                else:
                    p.copy_(reader.numbers(WEIGHT, name, 0, p.numel()).reshape(p.shape))
            self._inner.optimizer.refresh_fp32_params()
            for name, p in self._named():
                begin, end = self._state_run(p)
                if begin < end and (entries := reader.optimizer(name, begin, end)):
                    own[name] = entries
        if own:
            self._load_state(own)

    def _load_state(self, own: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take up the optimiser's tensors for the parts of this rank, by parameter."""
        on_device = any(group.get("fused") or group.get("capturable") for group in self._groups)
        some = next(iter(own.values()))
        for flat in self._flats():
            self._base.state[flat] = {
                kind: torch.zeros_like(flat)
                if _is_part(kind, value)
                else value.clone().to(flat.device if on_device else "cpu")
                for kind, value in some.items()
            }
        self._link()
        for name, p in self._named():
            for kind, value in own.get(name, {}).items():
                if _is_part(kind, value):
                    self._state_part(p, kind)[: len(value)].copy_(value)

    def _weights_run(self, parameter: Any) -> tuple[int, int]:
        """Begin and end of this rank's part of a flattened weight; in stage 3 as DeepSpeed cuts it up."""
        numbers: int = parameter.ds_numel if self.stage == 3 else parameter.numel()
        each = parameter.ds_tensor.numel() if self.stage == 3 else -(-numbers // self.num_processes)
        begin = min(self.process_index * each, numbers)
        return begin, min(begin + each, numbers)

    def _state_run(self, parameter: Any) -> tuple[int, int]:
        """Begin and end of the numbers of a flattened weight for which this rank has the optimiser's state."""
        if self.stage == 3:
            return self._weights_run(parameter)
        if parameter._hp_mapping is None:
            return 0, 0
        place = parameter._hp_mapping.lp_fragment_address
        return place.start, place.start + place.numel

    def _state_part(self, parameter: Any, kind: str) -> Tensor:
        """This rank's part of a tensor of the optimiser's, padded in stage 3."""
        if self.stage == 3:
            part: Tensor = self._inner.optimizer._get_fp32_opt_state_partition(parameter, True, kind)[0]
        else:
            part = parameter._hp_mapping.get_hp_fragment(kind)
        return part

    def _link(self) -> None:
        """Let parameters know their parts of the optimiser's state, which DeepSpeed does too early for all groups."""
        if self.stage != 3:
            self._inner.optimizer._hp_optimizer_states_linked = False
            self._inner.optimizer._lazy_init_hp_params_optimizer_state()

    def whole(self, model: Mapping[str, Tensor]) -> DualEncoder:
        """See `Replicated.whole`."""
        if self._whole is None:
            raise ValueError("only the main process holds the whole model")
        self._whole.to(self.device).load_state_dict(model)
        return self._whole


def _is_part(key: str, value: Any) -> bool:
    """Whether a state has a number for each of the parameter's, unlike the count of steps."""
    return isinstance(value, Tensor) and key != COUNT
