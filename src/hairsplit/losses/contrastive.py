"""Image-text contrast (ITC), CLIP's own loss."""

from typing import Literal

import torch
from pydantic.dataclasses import dataclass

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._chunked import is_large
from hairsplit.losses._entry import SPEC_CONFIG, Compat, Loss
from hairsplit.losses._scores import contrast_in_chunks, exclude_false_negatives, multiplier


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class ContrastiveSpec:
    """CLIP's loss: each image finds its caption among those of the batch, and each caption its image."""

    name: Literal["contrastive"] = "contrastive"
    """Name of the loss."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""
    compat: Compat = "none"
    """`thesis`: cosines are multiplied with the raw logit scale (4.6 for a temperature of 0.01) instead of its
    exponential (100), so that the softmax is nearly flat."""


def contrastive(z: Embeddings, spec: ContrastiveSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """Symmetric InfoNCE over the batch, in nats; hard negatives are ignored.

    1/2 [CE(s I T') + CE(s T I')], targets on the diagonal. Radford et al., ICML 2021, figure 3.

    Args:
        z: `image`, `positive` [B, D] of unit length; `scale` [] is 1 / temperature.
        spec: Options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    scaled = multiplier(z, spec.compat) * z.image  # [B, D]
    if is_large(len(scaled), len(scaled)):
        rows, columns, true = contrast_in_chunks(scaled, z, mask_false_negatives=spec.mask_false_negatives)
    else:
        to_text = scaled @ z.positive.T  # [B, B]
        if spec.mask_false_negatives:
            exclude_false_negatives(to_text, z)
        rows, columns = torch.logsumexp(to_text, dim=1), torch.logsumexp(to_text, dim=0)
        true = to_text.diagonal()  # [B]
    image, text = (rows - true).mean(), (columns - true).mean()
    return LossOutput((image + text) / 2, {"image_to_text": image, "text_to_image": text})


ENTRY = Loss(
    spec=ContrastiveSpec,
    compute=contrastive,
    needs_teacher=False,
    needs_negatives=False,
    reference="arXiv:2103.00020",
)
