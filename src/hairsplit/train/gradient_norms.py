"""Norms of the gradient of each term of an objective, for the log: which term pulls, and how hard."""

from collections.abc import Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

PREFIX = "grad_norm/"
"""Of the names in the log."""
PENALTY = "l2"
"""Name of the distance from the start, among the terms."""


class TermGradients:
    """The gradient of each weighted term with respect to all parameters that learn, summed over micro-batches.

    It costs a backward pass for each term, through the graph that the step's own backward pass then uses, and the room
    of the learning parameters for each term. The parameters' own gradient is not touched, and no engine's hooks run.

    Args:
        parameters: Those that learn.
        ranks: Processes that hold the same parameters; every one must add the same terms.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], ranks: int) -> None:
        self._parameters, self._ranks = parameters, ranks
        self.gradients: dict[str, list[Tensor]] = {}
        """Term -> this rank's gradient, by parameter; their mean over the ranks is that of the global batch."""

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Add the gradient of each of some scalars; their graph is kept."""
        for name, value in terms.items():
            found = torch.autograd.grad(
                value, self._parameters, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            held = self.gradients.get(name)
            if held is None:
                self.gradients[name] = [one.detach().clone() for one in found]
            else:
                torch._foreach_add_(held, found)

    def norms(self) -> dict[str, float]:
        """`grad_norm/TERM` -> the Euclidean norm over all parameters, before clipping; to be called once."""
        return {f"{PREFIX}{name}": self._norm(gradient) for name, gradient in self.gradients.items()}

    def _norm(self, gradient: list[Tensor]) -> float:
        if self._ranks > 1:
            for one in gradient:
                dist.all_reduce(one)
        return float(torch.nn.utils.get_total_norm(gradient)) / self._ranks
