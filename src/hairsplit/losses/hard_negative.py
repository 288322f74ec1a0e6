"""Image-text contrast in which an image also faces captions made to fool it: HNC(w)."""

import math
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._chunked import is_large, row_log_sums
from hairsplit.losses._entry import SPEC_CONFIG, Compat, Loss
from hairsplit.losses._scores import contrast_in_chunks, cosines, exclude_false_negatives, lowest, multiplier


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class HardNegativeSpec:
    """How strongly an image is pushed from the captions made to fool it."""

    name: Literal["hard_negative"] = "hard_negative"
    """Name of the loss."""
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10.0
    """Copies of each own negative in the softmax (dimensionless, >= 0); 0 leaves one's own negatives out."""
    pool: Literal["all", "own"] = "all"
    """Hard negatives that an image faces: those of the whole batch, others' with weight 1; or only its own."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: `weight` multiplies the logit of one's own negative instead of its share of the softmax (this rewards a
    negative cosine, and 0 leaves a logit of 0), and cosines are multiplied with the raw logit scale."""


def hard_negative(z: Embeddings, spec: HardNegativeSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """Symmetric InfoNCE in which the image-to-text softmax also holds hard negatives, in nats.

    1/2 [CE([s I T' | s I N' + log w on own negatives]) + CE(s T I')]. A negative of weight w counts as w copies, so
    log w is added to its logit. With w = 1 and the pool `all` it is NegCLIP's (Yuksekgonul et al., ICLR 2023).

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` [].
        spec: Weight, pool and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    scaled = multiplier(z, spec.compat) * z.image  # [B, D]: scaling here saves a copy of each matrix below
    if is_large(len(scaled), len(scaled)):
        rows, columns, true = contrast_in_chunks(scaled, z, mask_false_negatives=spec.mask_false_negatives)
    else:
        to_text = scaled @ z.positive.T  # [B, B]
        if spec.mask_false_negatives:
            exclude_false_negatives(to_text, z)
        rows, columns = torch.logsumexp(to_text, dim=1), torch.logsumexp(to_text, dim=0)
        true = to_text.diagonal()  # [B]
    # The logarithm of the sum over [T | N] is taken block by block: own negatives are weighted, others optional.
    blocks = [rows.unsqueeze(1), _own(z, spec)]
    if spec.pool == "all":
        blocks.append(_of_others(scaled, z))
    image = (torch.logsumexp(torch.cat(blocks, dim=1), dim=1) - true).mean()
    text = (columns - true).mean()
    return LossOutput((image + text) / 2, {"image_to_text": image, "text_to_image": text})


def _own(z: Embeddings, spec: HardNegativeSpec) -> Float[Tensor, "B K"]:
    """Weighted logits of each image with its own negatives."""
    logits = multiplier(z, spec.compat) * cosines(z)[1]
    exists = z.mask
    if spec.compat == "thesis":
        logits = logits * spec.weight
    elif spec.weight > 0:
        logits = logits + math.log(spec.weight)
    else:  # log 0: no copy of any of them
        exists = torch.zeros_like(z.mask)
    return logits.masked_fill(~exists, lowest(logits))


def _of_others(scaled: Float[Tensor, "B D"], z: Embeddings) -> Float[Tensor, "B 1"]:
    """Logarithm of the summed exponential logits of each image with the other images' negatives."""
    rows, per_image, width = z.negative.shape
    captions = z.negative.reshape(-1, width)  # [B K, D]

    def exclude(logits: Float[Tensor, "R N"], start: int) -> None:
        by_image = logits.view(len(logits), rows, per_image)
        own = torch.zeros(len(logits), rows, dtype=torch.bool, device=logits.device)
        own.diagonal(start).fill_(True)
        by_image.masked_fill_(own.unsqueeze(2) | ~z.mask, lowest(logits))

    if is_large(rows, len(captions)):
        return row_log_sums(scaled, captions, exclude).unsqueeze(1)
    logits = scaled @ captions.T  # [B, B K]
    exclude(logits, 0)
    return torch.logsumexp(logits, dim=1, keepdim=True)


ENTRY = Loss(
    spec=HardNegativeSpec,
    compute=hard_negative,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:2210.01936",
)
