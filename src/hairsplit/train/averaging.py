"""EMA: the exponential moving average of the weights that learn, which is what is validated and saved."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hairsplit.core.errors import HairsplitError


def decay_at(ema: float, updates: int) -> float:
    """The decay of the update after `updates` of them: min(ema, (1 + n) / (10 + n)).

    The rise, as in TensorFlow's `ExponentialMovingAverage`, keeps the start from ruling the average of a short run.
    """
    return min(ema, (1 + updates) / (10 + updates))


class Average:
    """The average of a model's learning parameters, in float32 (float64 where the parameter is), beside them.

    Args:
        model: Its parameters with `requires_grad` are averaged, from what they are now.
        ema: The decay after the rise, above 0 and below 1.
    """

    def __init__(self, model: nn.Module, ema: float) -> None:
        self.ema, self.updates = ema, 0
        self._learning = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        self._values = {name: _wide(parameter).clone() for name, parameter in self._learning.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take up the parameters as an optimiser step left them: average = d average + (1 - d) parameter."""
        share = 1 - decay_at(self.ema, self.updates)
        for name, value in self._values.items():
            value.lerp_(_wide(self._learning[name]), share)
        self.updates += 1

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the model holds the average; after it its own parameters again, bit for bit."""
        kept = {name: parameter.detach().clone() for name, parameter in self._learning.items()}
        self._put(self._values)
        try:
            yield
        finally:
            self._put(kept)

    def state(self) -> dict[str, Any]:
        """What is needed to go on; `load` takes it."""
        return {"updates": self.updates, "values": {name: value.cpu() for name, value in self._values.items()}}

    def load(self, state: Mapping[str, Any] | None) -> None:
        """Go on from a `state`.

        Raises:
            HairsplitError: There is none, or it is of other parameters.
        """
        values: Mapping[str, Tensor] = {} if state is None else state["values"]
        if state is None or {n: v.shape for n, v in values.items()} != {n: v.shape for n, v in self._values.items()}:
            raise HairsplitError("the state has no average of these weights", where="ema", hint="start a new run")
        for name, value in self._values.items():
            value.copy_(values[name])
        self.updates = int(state["updates"])

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._learning.items():
            parameter.copy_(values[name])


def _wide(parameter: nn.Parameter) -> Tensor:
    return parameter.detach().to(torch.promote_types(parameter.dtype, torch.float32))
