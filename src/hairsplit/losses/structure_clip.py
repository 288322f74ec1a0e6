"""Structure-CLIP: hinges instead of softmaxes, against the hardest rival in the batch and one's own negatives."""

from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._chunked import both_maxima, is_large
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses._scores import cosines, exclude_false_negatives, lowest, mean_over_negatives

Margin = Annotated[float, Field(ge=0, le=2)]


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class StructureClipSpec:
    """Structure-CLIP: a hinge on the hardest rival in the batch and a heavier one on one's own negatives."""

    name: Literal["structure_clip"] = "structure_clip"
    """Name of the loss."""
    batch_margin: Margin = 0.2
    """Cosine by which a pair should lead the hardest other caption, and image, of the batch (0 to 2)."""
    margin: Margin = 0.1
    """Cosine by which a caption should lead the image's own negatives (0 to 2)."""
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 5.0
    """Weight of the hinge on one's own negatives (dimensionless, >= 0)."""
    mask_false_negatives: bool = False
    """Count as no rival a caption equal to one's own and a second caption of the same image."""


def structure_clip(z: Embeddings, spec: StructureClipSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """Mean of relu(m - c+ + max c(I, T')) + relu(m - c+ + max c(I', T)), + weight * mean of relu(margin - c+ + c-).

    c are cosines without a logit scale, which gets no gradient; T' and I' are other rows of the batch. The loss is in
    units of cosine. Own negatives are meaned over an image and then over the images that have any.

    Huang et al., AAAI 2024, whose public code (zjukg/Structure-CLIP, `WinoLoss`, `MarginLoss`) also has the mean of
    both hinges over the batch and the sum of the two directions. For its first 100 steps it has the mean image of the
    batch instead of the hardest; it knows one negative per image, whose hinge it weighs with 1 if not told otherwise,
    and its script/run.sh with 5. It adds an encoding of the scene graph to a caption's features: not here.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K].
        spec: Margins, weight and options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    positive, negative = cosines(z)  # [B], [B, K]

    def exclude(logits: Tensor, start: int) -> None:
        if spec.mask_false_negatives:
            exclude_false_negatives(logits, z, start)
        logits.diagonal(start).fill_(lowest(logits))

    if is_large(len(z.image), len(z.image)):
        captions, images = both_maxima(z.image, z.positive, exclude)
    else:
        between = z.image @ z.positive.T  # [B, B]
        exclude(between, 0)
        captions, images = between.amax(dim=1), between.amax(dim=0)
    image = _hinge(positive, captions, spec.batch_margin).mean()
    text = _hinge(positive, images, spec.batch_margin).mean()
    own = mean_over_negatives(_hinge(positive.unsqueeze(1), negative, spec.margin), z.mask)
    return LossOutput(image + text + spec.weight * own, {"image_to_text": image, "text_to_image": text, "own": own})


def _hinge(true: Float[Tensor, "*N"], rival: Float[Tensor, "*M"], margin: float) -> Float[Tensor, "*M"]:
    return torch.relu(margin - true + rival)


ENTRY = Loss(
    spec=StructureClipSpec,
    compute=structure_clip,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:2305.06152",
)
