"""FSC-CLIP's global part: CLIP's loss, and a focal, smoothed softmax over one's own hard negatives."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses._scores import cosines, lowest
from hairsplit.losses.contrastive import ContrastiveSpec, contrastive


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class FscClipSpec:
    """FSC-CLIP without its local term: CLIP's loss and a selective, calibrated loss on one's own negatives."""

    name: Literal["fsc_clip"] = "fsc_clip"
    """Name of the loss."""
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.5
    """Weight of the loss on one's own negatives (dimensionless, >= 0)."""
    gamma: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 2.0
    """Focus: a column of probability p counts (1 - p)^gamma times (>= 1: below, the gradient is infinite at p = 1)."""
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Share of the target that is spread evenly over the caption and its negatives (0 to 1)."""
    mask_false_negatives: bool = False
    """Leave out of CLIP's softmax a caption equal to one's own and a second caption of the same image."""


def fsc_clip(z: Embeddings, spec: FscClipSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """ITC + weight * mean over images of -sum_k y_k (1 - p_k)^gamma log p_k, in nats.

    p is the softmax of {s+, own s-}, y_k = (1 - smoothing) [k is the caption] + smoothing / (1 + K). The mean is over
    the images that have negatives, K an image's own count. Oh et al., EMNLP 2024; its local term, on
    similarities of tokens and patches, is left out.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` [].
        spec: Weights and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    itc = contrastive(z, ContrastiveSpec(mask_false_negatives=spec.mask_false_negatives))
    positive, negative = cosines(z)  # [B], [B, K]
    logits = z.scale * torch.cat([positive.unsqueeze(1), negative], dim=1)  # [B, 1 + K]
    exists = torch.cat([z.mask.new_ones(len(z.mask), 1), z.mask], dim=1)
    log_p = torch.log_softmax(logits.masked_fill(~exists, lowest(logits)), dim=1)
    columns = exists.sum(dim=1, keepdim=True).to(log_p.dtype)  # [B, 1]
    target = exists * (spec.smoothing / columns)  # [B, 1 + K]
    target = torch.cat([target[:, :1] + 1 - spec.smoothing, target[:, 1:]], dim=1)
    each = target * (-torch.expm1(log_p)).clamp(min=0) ** spec.gamma * -log_p
    has = z.mask.any(dim=1)  # [B]; alone in its softmax, a caption has p = 1 and a loss of 0
    own = each.masked_fill(~exists, 0.0).sum() / has.sum().clamp(min=1)
    return LossOutput(itc.total + spec.weight * own, {"contrastive": itc.total, "own": own})


ENTRY = Loss(
    spec=FscClipSpec,
    compute=fsc_clip,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:2410.05210",
)
