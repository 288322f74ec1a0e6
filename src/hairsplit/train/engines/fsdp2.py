"""FSDP2: weights, gradients and the optimiser's state are sharded, by torch's own `fully_shard`.

Not through accelerate, whose plugin becomes DDP without a word where there is no GPU.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.engines.outputs import Embedded, TupleTowers, on_cpu, without_scalars
from hairsplit.train.engines.replicated import MakeOptimizer, Replicated, skeleton
from hairsplit.train.penalty import L2ToStart
from hairsplit.train.sharded_state import COUNT, WEIGHT, Run, Saved, Shards
from hairsplit.train.step import Towers


class FSDP2(Replicated):
    """One group of parameters per residual block, one for the rest."""

    def __init__(self, accelerator: Accelerator) -> None:
        super().__init__(accelerator)
        self._shapes: dict[str, torch.Size] = {}
        self._penalty: tuple[Tensor, Tensor] | None = None
        """Of this rank's shards, and the leaf that stands in the loss for all of it."""

    def prepare(self, encoder: DualEncoder, make: MakeOptimizer, *, local: bool = False) -> tuple[nn.Module, Any]:
        """See `Replicated.prepare`.

        Raises:
            HairsplitError: A parameter is not sharded after all.
        """
        self._whole = skeleton(encoder, main=self.is_main_process)
        self._shapes = {name: value.shape for name, value in encoder.state_dict().items()}
        without_scalars(encoder)
        inner = TupleTowers(Towers(encoder, sharded=True, local=local))
        mesh = init_device_mesh(self.device.type, (self.num_processes,))
        for block in (*encoder.vision_blocks, *encoder.text_blocks):
            fully_shard(block, mesh=mesh)
        self._sharded: FSDPModule = fully_shard(inner, mesh=mesh)
        plain = [name for name, p in encoder.named_parameters() if not isinstance(p, DTensor)]
        if plain:
            raise HairsplitError(
                f"FSDP2 left {plain[0]} whole", where="engine", hint="use `engine: ddp`, and report this"
            )
        self.encoder, self.optimizer = encoder, make()
        return Embedded(inner), self.optimizer

    def penalty(self, start: Mapping[str, Tensor]) -> Callable[[], Tensor]:
        """See `Replicated.penalty`; each rank computes its shards' part."""
        learning = {name: p for name, p in self.encoder.named_parameters() if p.requires_grad}
        shards = {name: _like(start[name].reshape(p.shape), p).to_local() for name, p in learning.items()}

        def penalty() -> Tensor:
            local = {name: cast(DTensor, p).to_local() for name, p in learning.items()}
            own = L2ToStart(cast(Any, local.items()), shards)()
            total = own.detach().clone()
            dist.all_reduce(total)
            self._penalty = own, total.requires_grad_()
            return total

        return penalty

    @contextlib.contextmanager
    def no_sync(self, towers: nn.Module) -> Iterator[None]:
        """See `Replicated.no_sync`."""
        self._sharded.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self._sharded.set_requires_gradient_sync(True)

    def backward(self, loss: Tensor) -> None:
        """See `Replicated.backward`."""
        torch.autograd.backward(loss)
        # The penalty reaches the shards past FSDP's own streams, and so only after they have been waited for.
        if self._penalty is not None and (weight := self._penalty[1].grad) is not None:
            torch.autograd.backward(self._penalty[0], weight)
            self._penalty = None

    def finite(self) -> bool:
        """See `Replicated.finite`."""
        return all(bool(torch.isfinite(_local(p)).all()) for p in self.encoder.parameters())

    def model(self) -> dict[str, Tensor]:
        """See `Replicated.model`; one tensor at a time is whole on the other ranks."""
        found = {}
        for name, value in self.encoder.state_dict().items():
            full = _full(value)
            if self.is_main_process:
                found[name] = on_cpu(full, self._shapes[name])
        return found

    def optimizer_state(self) -> dict[str, Any]:
        """See `Replicated.optimizer_state`; the groups without tensors."""
        return {"state": {}, "param_groups": self.optimizer.state_dict()["param_groups"]}

    def shards(self) -> Shards:
        """See `Replicated.shards`."""
        runs: dict[str, dict[str, Run]] = {}
        for name, p in self.encoder.named_parameters():
            begin, _ = _run(p)
            runs[name] = {WEIGHT: (begin, _local(p).reshape(-1))}
            for kind, value in self.optimizer.state.get(p, {}).items():
                held = _local(value)
                runs[name][kind] = (0, held.reshape(())) if kind == COUNT else (begin, held.reshape(-1))
        return Shards(runs, self._shapes, self._learning())

    def load(self, saved: Saved) -> None:
        """See `Replicated.load`."""
        parameters, learning = dict(self.encoder.named_parameters()), self._learning()
        state: dict[int, dict[str, Tensor]] = {}
        with saved.reader(learning) as reader, torch.no_grad():
            for name, p in parameters.items():
                held = _local(p)
                held.copy_(reader.numbers(WEIGHT, name, *_run(p)).reshape(held.shape))
            for index, name in enumerate(learning):
                p = parameters[name]
                if entries := reader.optimizer(name, *_run(p)):
                    state[index] = {
                        kind: value if kind == COUNT else _shard_of(value, p) for kind, value in entries.items()
                    }
        self.optimizer.load_state_dict({"state": state, "param_groups": saved.groups})

    def _learning(self) -> list[str]:
        names = {id(p): name for name, p in self.encoder.named_parameters()}
        return [names[id(p)] for group in self.optimizer.param_groups for p in group["params"]]

    def whole(self, model: Mapping[str, Tensor]) -> DualEncoder:
        """See `Replicated.whole`."""
        if self._whole is None:
            raise ValueError("only the main process holds the whole model")
        self._whole.to(self.device).load_state_dict(model)
        return self._whole


def _local(value: Tensor) -> Tensor:
    return value.to_local() if isinstance(value, DTensor) else value


def _full(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _like(value: Tensor, parameter: Tensor) -> DTensor:
    sharded = cast(DTensor, parameter)
    local = value.detach().to(sharded.device)
    return distribute_tensor(local, sharded.device_mesh, sharded.placements, src_data_rank=None)  # all ranks have it


def _run(parameter: Tensor) -> tuple[int, int]:
    """Where this rank's rows begin and end in the flattened parameter: equal numbers of rows, the last ranks fewer.

    Raises:
        HairsplitError: FSDP2 cuts it otherwise.
    """
    sharded = cast(DTensor, parameter)
    mesh, held = sharded.device_mesh, sharded.to_local()
    rows, width = sharded.shape[0], sharded.shape[1:].numel()
    each = -(-rows // mesh.size())
    first, last = (min(rank * each, rows) for rank in (mesh.get_local_rank(), mesh.get_local_rank() + 1))
    if sharded.placements != (Shard(0),) or held.shape != (last - first, *sharded.shape[1:]):
        raise HairsplitError("FSDP2 did not cut a tensor by rows", where="engine", hint="use `engine: ddp`")
    return first * width, last * width


def _shard_of(run: Tensor, parameter: Tensor) -> DTensor:
    sharded = cast(DTensor, parameter)
    local = run.reshape(sharded.to_local().shape).to(sharded.device)
    return DTensor.from_local(
        local,
        sharded.device_mesh,
        sharded.placements,
        run_check=False,
        shape=sharded.shape,
        stride=sharded.stride(),
    )
