"""SigLIP with hard negatives: each pair is judged true or false by itself, one's own negatives more heavily."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import softplus

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._chunked import by_rows, is_large, row_log_sums
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses._scores import cosines, exclude_false_negatives, lowest

BIAS, START = "bias", "start"
"""Names of the learned scalar, and of what it is added to where the batch has to tell where it starts."""


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class SiglipHnSpec:
    """SigLIP's sigmoid loss over all pairs of the batch, with one's own negatives as heavier false pairs."""

    name: Literal["siglip_hn"] = "siglip_hn"
    """Name of the loss."""
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """Copies of each own negative (dimensionless, >= 0); 0 leaves them out."""
    bias: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """First value of the learned bias, in logits. None: the first batch tells, so that a caption is as likely true as
    CLIP's softmax says. SigLIP's own -10 is for training from nothing, at a scale of 10."""
    mask_false_negatives: bool = False
    """Leave out a caption equal to one's own and a second caption of the same image."""


def siglip_hn(z: Embeddings, spec: SiglipHnSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """-1/B [sum_i log S(x_ii) + sum_i,j≠i log S(-x_ij) + weight * sum_i,k log S(-y_ik)], S the sigmoid, in nats.

    x_ij = s I_i.T_j + b, and y_ik = s I_i.N_ik + b for one's own negatives. Zhai et al., ICCV 2023, equation in section
    3.2, and the last sum.

    They start at s = 10 and b = -10, from nothing. Here a CLIP is fine-tuned: s is the model's own logit scale (100,
    often) and goes on learning. With b = -10, each pair of a cosine above 0.1 would then be called true, and at the
    rates of fine-tuning b would hardly move. So by default b starts at the mean over images of
    -log sum_j≠i e^(s I_i.T_j) in the first batch: S(s I_i.T_i + b) is then about the share that CLIP's softmax gives
    the true caption. The start is kept in `carry`, and what is learned is the distance from it.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` []; `learned` has
            the bias, else its first value counts.
        spec: Weight and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    scaled = z.scale * z.image  # [B, D]

    def exclude(logits: Tensor, start: int) -> None:
        if spec.mask_false_negatives:
            exclude_false_negatives(logits, z, start)

    carry = {START: _start(z, spec).detach()} if spec.bias is None else {}
    bias = z.learned.get(BIAS, scaled.new_tensor(spec.bias or 0.0)) + carry.get(START, 0.0)  # []

    def false_pairs(image: Tensor, captions: Tensor, start: int) -> Tensor:
        logits = image @ captions.T + bias  # [R, B]
        exclude(logits, start)
        logits.diagonal(start).fill_(lowest(logits))  # softplus of it is 0, and its gradient
        return softplus(logits).sum(dim=1)

    large = is_large(len(scaled), len(scaled))
    others = by_rows(false_pairs, scaled, z.positive) if large else false_pairs(scaled, z.positive, 0)
    positive, negative = cosines(z)  # [B], [B, K]
    true = softplus(-(z.scale * positive + bias))
    own = softplus(z.scale * negative + bias).masked_fill(~z.mask, 0.0).sum(dim=1)
    parts = {"true": true.mean(), "others": others.mean(), "own": own.mean(), "bias": bias}
    return LossOutput(parts["true"] + parts["others"] + spec.weight * parts["own"], parts, carry=carry)


@torch.no_grad()
def _start(z: Embeddings, spec: SiglipHnSpec) -> Float[Tensor, ""]:
    """What the bias starts at: handed on from the first batch, or told by this one."""
    if START in z.carry:
        return z.carry[START].to(z.image)
    if len(z.image) == 1:  # no other caption to tell it by
        return z.image.new_zeros(())

    def exclude(logits: Tensor, start: int) -> None:
        if spec.mask_false_negatives:
            exclude_false_negatives(logits, z, start)
        logits.diagonal(start).fill_(lowest(logits))

    sums = row_log_sums(z.scale * z.image, z.positive, exclude)  # [B]
    real = sums > lowest(sums) / 2  # of images that have a rival
    return -sums.masked_fill(~real, 0.0).sum() / real.sum().clamp(min=1)


def _learned(spec: SiglipHnSpec) -> Mapping[str, float]:
    return {BIAS: spec.bias or 0.0}


ENTRY = Loss(
    spec=SiglipHnSpec,
    compute=siglip_hn,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:2303.15343",
    learned=_learned,
)
