"""Stay close to the model the run started from, in what each image thinks of the batch's captions."""

from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import log_softmax

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._chunked import by_rows, is_large
from hairsplit.losses._entry import SPEC_CONFIG, Compat, Loss, required
from hairsplit.losses._scores import lowest, multiplier


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class DistillationSpec:
    """How softly the reference model's view of the batch is copied."""

    name: Literal["distillation"] = "distillation"
    """Name of the loss."""
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Divides all logits (dimensionless, > 0); the loss is multiplied with its square, so that the
    gradient keeps its size."""
    compat: Compat = "none"
    """`thesis`: cosines are multiplied with the raw logit scale of the reference instead of its exponential."""


def distillation(z: Embeddings, spec: DistillationSpec, teacher: Embeddings | None = None) -> LossOutput:
    """Divergence of each image's distribution over captions from the reference model's, in nats.

    t^2 KL(softmax(s_ref I_ref [T; N]_ref' / t) || softmax(s_ref I [T; N]' / t)), mean over images. Both sides use the
    reference's logit scale: only directions are compared, and the model's own scale gets no gradient. Hinton et al.,
    2015, section 2.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K].
        spec: Temperature and options.
        teacher: The same of the frozen reference, width may differ; its `scale` [] is used. It gets no gradient.

    Raises:
        HairsplitError: No teacher is given.
    """
    teacher = required(teacher, spec.name)
    sharpness = multiplier(teacher, spec.compat).detach() / spec.temperature  # []
    theirs, captions = (sharpness * teacher.image).detach(), _captions(teacher).detach()
    missing = torch.cat([z.mask.new_zeros(len(z.positive)), ~z.mask.flatten()])  # [B + B K]

    def divergence(image: Tensor, texts: Tensor, start: int) -> Tensor:
        target = _log_shares(theirs[start : start + len(image)], captions, missing)  # [R, B + B K]
        return (target.exp() * (target - _log_shares(image, texts, missing))).sum(dim=1)

    ours, texts = sharpness * z.image, _captions(z)
    large = is_large(len(ours), len(texts))
    each = by_rows(divergence, ours, texts) if large else divergence(ours, texts, 0)
    return LossOutput(spec.temperature**2 * each.mean(), {})


def _captions(z: Embeddings) -> Float[Tensor, "N D"]:
    """Captions of the batch and then all hard negatives, N = B + B K."""
    return torch.cat([z.positive, z.negative.flatten(0, 1)])


def _log_shares(
    image: Float[Tensor, "R D"], captions: Float[Tensor, "N D"], missing: Bool[Tensor, " N"]
) -> Float[Tensor, "R N"]:
    """Logarithm of each image's distribution over the captions that exist."""
    logits = image @ captions.T
    return log_softmax(logits.masked_fill_(missing, lowest(logits)), dim=1)


ENTRY = Loss(
    spec=DistillationSpec,
    compute=distillation,
    needs_teacher=True,
    needs_negatives=False,
    reference="arXiv:1503.02531",
)
