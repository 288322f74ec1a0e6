"""sentence-transformers' MultipleNegativesRankingLoss on (image, caption, negatives)."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._chunked import is_large, row_log_sums
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses._scores import exclude_false_negatives, lowest


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class TripletSpec:
    """Each image finds its caption among the batch's captions and hard negatives: sentence-transformers' loss."""

    name: Literal["triplet"] = "triplet"
    """Name of the loss."""
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    """What cosines are multiplied with (dimensionless, > 0), in place of the model's logit scale."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""


def triplet(z: Embeddings, spec: TripletSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """CE(scale I [T; N]'), targets on the diagonal, in nats; from image to text only.

    Henderson et al., 2017, as sentence-transformers' MultipleNegativesRankingLoss has it for triplets. The
    model's logit scale gets no gradient.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K].
        spec: Scale and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    image, captions = spec.scale * z.image, z.negative.flatten(0, 1)

    def exclude_true(logits: Tensor, start: int) -> None:
        if spec.mask_false_negatives:
            exclude_false_negatives(logits, z, start)

    def exclude_absent(logits: Tensor, _start: int) -> None:
        logits.masked_fill_(~z.mask.flatten(), lowest(logits))

    if is_large(len(image), len(image) + len(captions)):
        rivals = torch.logaddexp(
            row_log_sums(image, z.positive, exclude_true), row_log_sums(image, captions, exclude_absent)
        )
        return LossOutput((rivals - (image * z.positive).sum(dim=1)).mean(), {})
    to_text = image @ z.positive.T  # [B, B]
    exclude_true(to_text, 0)
    to_negative = image @ captions.T  # [B, B K]
    exclude_absent(to_negative, 0)
    rivals = torch.logsumexp(torch.cat([to_text, to_negative], dim=1), dim=1)
    return LossOutput((rivals - to_text.diagonal()).mean(), {})


ENTRY = Loss(
    spec=TripletSpec,
    compute=triplet,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:1705.00652",
)
