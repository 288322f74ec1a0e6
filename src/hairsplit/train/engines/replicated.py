"""One process, or DDP: every rank holds the whole model; the interface of all engines."""

import contextlib
import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.penalty import L2ToStart
from hairsplit.train.sharded_state import Saved, Shards
from hairsplit.train.step import Towers

MakeOptimizer = Callable[[], torch.optim.Optimizer]


class Replicated:
    """What the training loop needs of an engine; each goes on from what any of them saved."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.device: torch.device = accelerator.device
        self.num_processes: int = accelerator.num_processes
        self.process_index: int = accelerator.process_index
        self.is_main_process: bool = accelerator.is_main_process

    def prepare(self, encoder: DualEncoder, make: MakeOptimizer, *, local: bool = False) -> tuple[nn.Module, Any]:
        """The model as one module with one forward pass, and its optimiser.

        Args:
            encoder: With the weights to train from, on `device`; it may hold shards from then on.
            make: Gives the optimiser of the encoder's parameters as they are when it is called.
            local: The objective compares patches with tokens, see `Towers`.
        """
        self.encoder, self.optimizer = encoder, make()
        towers, prepared = self.accelerator.prepare(Towers(encoder, local=local), self.optimizer)
        return towers, prepared

    def penalty(self, start: Mapping[str, Tensor]) -> Callable[[], Tensor]:
        """The squared distance of what learns from `start`, full tensors by name."""
        return L2ToStart(self.encoder.named_parameters(), start)

    def no_sync(self, towers: nn.Module) -> contextlib.AbstractContextManager[Any]:
        """Backward passes inside add to the gradient without exchanging it; the next one outside does."""
        context: contextlib.AbstractContextManager[Any] = self.accelerator.no_sync(towers)
        return context

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of a loss, which every rank computes of the global batch."""
        self.accelerator.backward(loss)

    def clip(self, learning: Iterable[nn.Parameter], most: float) -> float:
        """Scale the gradient down to the norm `most` (0: never); returns its norm over all ranks, before that.

        As torch's `clip_grad_norm_`, to the last bit; that one also multiplies by 1 where there is nothing to scale.
        """
        learning = list(learning)
        norm = get_total_norm([p.grad for p in learning if p.grad is not None])
        whole = norm.full_tensor() if isinstance(norm, DTensor) else norm
        if most and most / (whole + 1e-6) < 1:  # torch's own factor
            clip_grads_with_norm_(learning, most, norm)
        return float(whole)

    def finite(self) -> bool:
        """Whether all weights that this rank holds are finite."""
        return all(bool(torch.isfinite(p).all()) for p in self.encoder.parameters())

    def model(self) -> dict[str, Tensor]:
        """The whole model's state on the CPU of the main process, {} on others; all ranks must call it."""
        if not self.is_main_process:
            return {}
        return {name: value.detach().cpu() for name, value in self.encoder.state_dict().items()}

    def optimizer_state(self) -> dict[str, Any]:
        """What the main process writes of the optimiser's state; all of it, unless there are `shards`."""
        return self.optimizer.state_dict() if self.is_main_process else {}

    def shards(self) -> Shards | None:
        """This rank's part of weights and of the optimiser's tensors; None if the main process writes all of them."""
        return None

    def load(self, saved: Saved) -> None:
        """Take up a state, of any engine and any number of ranks, after `prepare`.

        Raises:
            HairsplitError: A file of it is missing or torn.
        """
        self.encoder.load_state_dict(saved.model())
        self.optimizer.load_state_dict(saved.optimizer())

    def whole(self, model: Mapping[str, Tensor]) -> DualEncoder:
        """An encoder with the weights of `model()`, on the main process, for validating and saving.

        Args:
            model: What `model()` gave there.
        """
        return self.encoder


def skeleton(encoder: DualEncoder, *, main: bool) -> DualEncoder | None:
    """Where the main process puts gathered weights together."""
    return copy.deepcopy(encoder).requires_grad_(False).cpu().eval() if main else None
