"""FSC-CLIP: CLIP's loss, and a focal, smoothed softmax over one's own hard negatives, of whole captions and local."""

from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses._scores import cosines, lowest
from hairsplit.losses.contrastive import ContrastiveSpec, contrastive


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class FscClipSpec:
    """CLIP's loss and a selective, calibrated loss on one's own negatives; the paper has `local_weight: 0.2`."""

    name: Literal["fsc_clip"] = "fsc_clip"
    """Name of the loss."""
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.5
    """Weight of the loss on one's own negatives (dimensionless, >= 0)."""
    local_weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Weight of the same loss on how well patches match tokens (dimensionless, >= 0); 0: both towers compute the one
    position that is read, as ever. The paper: 0.2 for a ViT-B/32; its code: 0.5 for a ViT-B/16 and a ViT-L/14."""
    gamma: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 2.0
    """Focus: a column of probability p counts (1 - p)^gamma times (>= 1: below, the gradient is infinite at p = 1)."""
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Share of the target that is spread evenly over the caption and its negatives (0 to 1)."""
    mask_false_negatives: bool = False
    """Leave out of CLIP's softmax a caption equal to one's own and a second caption of the same image."""


def fsc_clip(z: Embeddings, spec: FscClipSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """ITC + weight * own + local_weight * local, in nats.

    own is the mean over images of -sum_k y_k (1 - p_k)^gamma log p_k, where p is the softmax of {s+, own s-} and y_k =
    (1 - smoothing) [k is the caption] + smoothing / (1 + K). local is the same with log S_l in place of s, see
    `local_similarity`. The means are over the images that have negatives, K an image's own count. Oh et al., EMNLP
    2024, equations 3 to 11. Their code leaves an absent negative in the softmax, with a logit of 0.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` []; with a
            local_weight `local_positive` [B] and `local_negative` [B, K].
        spec: Weights and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys, or there is a local_weight, and
            nothing local in the batch.
    """
    itc = contrastive(z, ContrastiveSpec(mask_false_negatives=spec.mask_false_negatives))
    positive, negative = cosines(z)  # [B], [B, K]
    own = _own(z.scale * torch.cat([positive.unsqueeze(1), negative], dim=1), z.mask, spec)
    total, parts = itc.total + spec.weight * own, {"contrastive": itc.total, "own": own}
    if not spec.local_weight:
        return LossOutput(total, parts)
    if z.local_positive is None or z.local_negative is None:
        raise HairsplitError(
            "compares patches with tokens, and the batch does not say how well they match",
            where="fsc_clip.local_weight",
            hint="pass local_positive and local_negative (hairsplit.losses.local_similarity) with the embeddings",
        )
    local = _own(torch.cat([z.local_positive.unsqueeze(1), z.local_negative], dim=1), z.mask, spec)
    return LossOutput(total + spec.local_weight * local, parts | {"local": local})


def _own(logits: Float[Tensor, "B C"], mask: Bool[Tensor, "B K"], spec: FscClipSpec) -> Float[Tensor, ""]:
    """Focal, smoothed cross-entropy of each caption among its own negatives; logits are those of both, C = 1 + K."""
    exists = torch.cat([mask.new_ones(len(mask), 1), mask], dim=1)
    log_p = torch.log_softmax(logits.masked_fill(~exists, lowest(logits)), dim=1)
    columns = exists.sum(dim=1, keepdim=True).to(log_p.dtype)  # [B, 1]
    target = exists * (spec.smoothing / columns)  # [B, 1 + K]
    target = torch.cat([target[:, :1] + 1 - spec.smoothing, target[:, 1:]], dim=1)
    each = target * (-torch.expm1(log_p)).clamp(min=0) ** spec.gamma * -log_p
    has = mask.any(dim=1)  # [B]; alone in its softmax, a caption has p = 1 and a loss of 0
    return each.masked_fill(~exists, 0.0).sum() / has.sum().clamp(min=1)


def _needs_local(spec: FscClipSpec) -> bool:
    return spec.local_weight > 0


ENTRY = Loss(
    spec=FscClipSpec,
    compute=fsc_clip,
    needs_teacher=False,
    needs_negatives=True,
    needs_local=_needs_local,
    reference="arXiv:2410.05210",
)
