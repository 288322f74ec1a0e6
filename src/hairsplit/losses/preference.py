"""Prefer the true caption to one's own hard negative: a logistic loss without a reference model."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._entry import SPEC_CONFIG, Compat, Loss
from hairsplit.losses._scores import cosines, mean_over_negatives, multiplier, negative_log_sigmoid


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class PreferenceSpec:
    """Logistic loss on one's own hard negatives."""

    name: Literal["preference"] = "preference"
    """Name of the loss."""
    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Steepness: multiplies the difference of logits (dimensionless, > 0)."""
    compat: Compat = "none"
    """`thesis`: cosines are multiplied with the raw logit scale instead of its exponential, and the loss is
    -log(sigmoid(x) + 1e-8), which cannot exceed 18.4."""


def preference(z: Embeddings, spec: PreferenceSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """Mean of -log sigmoid(beta (s+ - s-)) over an image's negatives and then over the images that have any, in nats.

    s+ and s- are scaled cosines with one's caption and one's own negative; the rest of the batch plays no part. It is
    the pairwise logistic loss of RankNet (Burges et al., ICML 2005, section 3). Without any negative it is 0.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` [].
        spec: Steepness and options.
    """
    positive, negative = cosines(z)  # [B], [B, K]
    lead = multiplier(z, spec.compat) * (positive.unsqueeze(1) - negative)  # [B, K]
    losses = negative_log_sigmoid(spec.beta * lead, spec.compat)
    return LossOutput(mean_over_negatives(losses, z.mask), {})


ENTRY = Loss(
    spec=PreferenceSpec,
    compute=preference,
    needs_teacher=False,
    needs_negatives=True,
    reference="doi:10.1145/1102351.1102363",
)
