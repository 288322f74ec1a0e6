"""Direct preference optimisation: prefer the true caption more than the model the run started from did."""

from typing import Annotated, Literal

from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._entry import SPEC_CONFIG, Compat, Loss, required
from hairsplit.losses._scores import cosines, mean_over_negatives, multiplier, negative_log_sigmoid


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class DpoSpec:
    """Direct preference optimisation on one's own hard negatives."""

    name: Literal["dpo"] = "dpo"
    """Name of the loss."""
    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    """Steepness (dimensionless, > 0); the smaller, the further the model may go from the reference."""
    compat: Compat = "none"
    """`thesis`: cosines are multiplied with the raw logit scale instead of its exponential, and the loss is
    -log(sigmoid(x) + 1e-8), which cannot exceed 18.4."""


def dpo(z: Embeddings, spec: DpoSpec, teacher: Embeddings | None = None) -> LossOutput:
    """Mean of -log sigmoid(beta [(s+ - s+_ref) - (s- - s-_ref)]) over negatives, then images that have any, in nats.

    s+ and s- are scaled cosines with one's caption and one's own negative; they stand where a language model has
    log-probabilities (Rafailov et al., NeurIPS 2023, equation 7). Without any negative it is 0.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` [].
        spec: Steepness and options.
        teacher: The same of the frozen reference, with its own `scale`. It gets no gradient.

    Raises:
        HairsplitError: No teacher is given.
    """
    teacher = required(teacher, spec.name)
    gain = _lead(z, spec.compat) - _lead(teacher, spec.compat).detach()  # [B, K]
    losses = negative_log_sigmoid(spec.beta * gain, spec.compat)
    return LossOutput(mean_over_negatives(losses, z.mask), {})


def _lead(z: Embeddings, compat: Compat) -> Float[Tensor, "B K"]:
    """By how much the true caption's logit exceeds each own negative's."""
    positive, negative = cosines(z)  # [B], [B, K]
    return multiplier(z, compat) * (positive.unsqueeze(1) - negative)


ENTRY = Loss(spec=DpoSpec, compute=dpo, needs_teacher=True, needs_negatives=True, reference="arXiv:2305.18290")
