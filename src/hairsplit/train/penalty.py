"""The L2 penalty of an objective: squared distance of the learning parameters from where the run started."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hairsplit.core.errors import HairsplitError


class L2ToStart:
    """Sum over learning parameters of (theta - theta_0)^2, unweighted.

    theta_0 is copied once, on construction, to each parameter's device. A checkpoint need not hold it as long as the
    start model can be loaded again: construct this on that model *before* the checkpoint's weights are loaded, or hand
    over an earlier run's `reference`.

    Args:
        parameters: Names and parameters, as of `model.named_parameters()`; those without `requires_grad` are left out.
        reference: theta_0 by name, if it is not what the parameters hold now.

    Raises:
        HairsplitError: No parameter learns, or `reference` lacks one of them or has it in another shape.
    """

    def __init__(
        self, parameters: Iterable[tuple[str, nn.Parameter]], reference: Mapping[str, Tensor] | None = None
    ) -> None:
        self._learning = {name: parameter for name, parameter in parameters if parameter.requires_grad}
        if not self._learning:
            raise HairsplitError(
                "no parameter learns", where="L2 penalty", hint="choose another `trainable`, or an objective without L2"
            )
        source = self._learning if reference is None else reference
        self.reference = {name: _start(name, parameter, source) for name, parameter in self._learning.items()}
        """theta_0 by parameter name, detached; never changed."""

    def __call__(self) -> Tensor:
        """The penalty, [], at least float32, differentiable; its gradient is 2 (theta - theta_0).

        The differences are computed again in the backward pass rather than kept: they would take as much memory as
        the parameters themselves.
        """
        starts = tuple(self.reference.values())
        penalty: Tensor = _SquaredDistance.apply(starts, *self._learning.values())  # type: ignore[no-untyped-call]
        return penalty


class _SquaredDistance(torch.autograd.Function):
    """(theta_0s, *thetas) -> sum of squared differences."""

    @staticmethod
    def forward(ctx: Any, starts: tuple[Tensor, ...], *parameters: Tensor) -> Tensor:
        ctx.starts = starts
        ctx.save_for_backward(*parameters)
        device = parameters[0].device
        # One sum per tensor, added up in float64: millions of terms would eat float32's digits.
        sums = [_difference(p, start).square().sum() for p, start in zip(parameters, starts, strict=True)]
        total = torch.stack([part.double().to(device) for part in sums]).sum()
        return total.to(torch.promote_types(parameters[0].dtype, torch.float32))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        pairs = zip(ctx.saved_tensors, ctx.starts, strict=True)
        return (None, *((2 * gradient.to(p.device) * _difference(p, start)).to(p.dtype) for p, start in pairs))


def _difference(parameter: Tensor, start: Tensor) -> Tensor:
    wide = torch.promote_types(parameter.dtype, torch.float32)
    return parameter.detach().to(wide) - start.to(wide)


def _start(name: str, parameter: nn.Parameter, source: Mapping[str, Tensor]) -> Tensor:
    """A copy of theta_0 beside the parameter."""
    if name not in source:
        raise HairsplitError(
            "the reference lacks this parameter",
            where=f"L2 penalty, {name}",
            hint="give the model the run started from",
        )
    start = source[name].detach()
    if start.shape != parameter.shape:
        raise HairsplitError(
            f"the reference has shape {tuple(start.shape)}, the model {tuple(parameter.shape)}",
            where=f"L2 penalty, {name}",
            hint="give the model the run started from",
        )
    return start.to(parameter.device).clone()
