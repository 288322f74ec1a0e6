"""CE-CLIP: NegCLIP's contrast, a rank loss whose margin follows the model, and a contrast among texts."""

from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses._scores import cosines, lowest, mean_over_negatives
from hairsplit.losses.hard_negative import HardNegativeSpec, hard_negative

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
KINDS, THRESHOLDS = "kinds", "thresholds"
"""Names of what is handed from step to step: the kinds seen so far [M], ascending, and the threshold of each [M]."""


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class CeClipSpec:
    """CE-CLIP: NegCLIP's loss, ranks of one's own negatives by a threshold per kind, and a contrast among texts."""

    name: Literal["ce_clip"] = "ce_clip"
    """Name of the loss."""
    rank: Weight = 0.2
    """Weight of the cross-modal rank loss (dimensionless, >= 0)."""
    intra: Weight = 0.2
    """Weight of the intra-modal contrast (dimensionless, >= 0)."""
    most: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10.0
    """Largest threshold, in logits (>= 0)."""
    mask_false_negatives: bool = False
    """Leave out of CLIP's softmax a caption equal to one's own and a second caption of the same image."""


def ce_clip(z: Embeddings, spec: CeClipSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """NegCLIP + rank * mean of relu(t_kind - s+ + s-) + intra * mean of -log(e^s / (e^s + sum_k e^(s T.N_k))), in nats.

    s+ and s- are scaled cosines of an image with its caption and its own negative, T.N_k the cosine of the caption with
    its negative. The threshold t of a kind is the mean of s+ - s- over the kind's negatives in the batch before, from 0
    up to `most`, and 0 for a kind not seen yet: the harder the kind still is, the less is asked. The caption itself, at
    a cosine of 1, stands for its second view in the contrast among texts. Both means are over an image's negatives
    and then over the images that have any, or over those images. Zhang et al., CVPR 2024, whose public code
    (lezhang7/Enhance-FineGrained, src/open_clip/loss.py) has the image's logit as the positive of the contrast among
    texts, and others' negatives in it; means s+ over all images for the threshold of each kind, and not those with a
    negative of that kind; and counts absent negatives in the mean of the ranks.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask`, `kinds` [B, K]; `scale` [];
            `carry` of the batch before, which is handed on in the output.
        spec: Weights and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    once = HardNegativeSpec(weight=1.0, pool="all", mask_false_negatives=spec.mask_false_negatives)
    contrast = hard_negative(z, once).total
    positive, negative = cosines(z)  # [B], [B, K]
    lead = z.scale * (positive.unsqueeze(1) - negative)  # [B, K]
    kinds = torch.zeros_like(z.mask, dtype=torch.int64) if z.kinds is None else z.kinds  # [B, K]
    threshold = _thresholds(z, kinds, lead).clamp(0, spec.most)  # [B, K]
    rank = mean_over_negatives(torch.relu(threshold - lead), z.mask)
    texts = z.scale * (z.positive.unsqueeze(1) * z.negative).sum(dim=-1)  # [B, K]
    columns = torch.cat([z.scale.expand(len(texts), 1), texts.masked_fill(~z.mask, lowest(texts))], dim=1)
    each = torch.logsumexp(columns, dim=1) - z.scale  # [B]; 0 without negatives
    intra = each.sum() / z.mask.any(dim=1).sum().clamp(min=1)
    parts = {"contrastive": contrast, "rank": rank, "intra": intra, "threshold": mean_over_negatives(threshold, z.mask)}
    total = contrast + spec.rank * rank + spec.intra * intra
    return LossOutput(total, parts, carry=_handed_on(z, kinds, lead.detach()))


def _thresholds(z: Embeddings, kinds: Int64[Tensor, "B K"], like: Float[Tensor, "B K"]) -> Float[Tensor, "B K"]:
    """The mean lead that each negative's kind had in the batch before, not bounded; 0 for a kind that is new."""
    if not z.carry.get(KINDS, kinds.new_zeros(0)).numel():
        return torch.zeros_like(like, requires_grad=False)
    known, values = z.carry[KINDS].to(kinds), z.carry[THRESHOLDS].to(like.detach())
    place = torch.searchsorted(known, kinds.contiguous()).clamp(max=len(known) - 1)
    return torch.where(known[place] == kinds, values[place], 0.0)


def _handed_on(z: Embeddings, kinds: Int64[Tensor, "B K"], lead: Float[Tensor, "B K"]) -> dict[str, Tensor]:
    """For the next step: mean lead of each kind in this batch, and for those that are not in it what was known."""
    here, means = _means(kinds[z.mask], lead[z.mask])
    known, values = z.carry.get(KINDS, here[:0]).to(here), z.carry.get(THRESHOLDS, means[:0]).to(means)
    every = torch.unique(torch.cat([known, here]))  # ascending
    handed = means.new_zeros(len(every))
    handed[torch.searchsorted(every, known)] = values
    handed[torch.searchsorted(every, here)] = means
    return {KINDS: every, THRESHOLDS: handed}


def _means(kinds: Int64[Tensor, " N"], lead: Float[Tensor, " N"]) -> tuple[Int64[Tensor, " M"], Float[Tensor, " M"]]:
    here = torch.unique(kinds)
    # A product and not a scattered sum, whose order, and so whose last bits, differ between ranks on an accelerator.
    belongs: Bool[Tensor, "M N"] = here.unsqueeze(1) == kinds
    return here, (belongs.to(lead.dtype) @ lead) / belongs.sum(dim=1)


ENTRY = Loss(
    spec=CeClipSpec,
    compute=ce_clip,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:2306.08832",
)
