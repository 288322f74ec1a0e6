"""NegCLIP: the batch's hard negatives are columns of the image-to-text softmax like any other caption."""

from typing import Literal

from pydantic.dataclasses import dataclass

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses._entry import SPEC_CONFIG, Loss
from hairsplit.losses.hard_negative import HardNegativeSpec, hard_negative


@dataclass(frozen=True, kw_only=True, config=SPEC_CONFIG)
class NegclipSpec:
    """NegCLIP: CLIP's loss with the hard negatives of the whole batch as further captions, each counted once."""

    name: Literal["negclip"] = "negclip"
    """Name of the loss."""
    mask_false_negatives: bool = False
    """Leave out of the softmax a caption equal to one's own and a second caption of the same image."""


def negclip(z: Embeddings, spec: NegclipSpec, _teacher: Embeddings | None = None) -> LossOutput:
    """1/2 [CE(s I [T; N]') + CE(s T I')], targets on the diagonal, in nats.

    Yuksekgonul et al., ICLR 2023, without its hard negative images; any number of negatives per image.

    Args:
        z: `image`, `positive` [B, D] and `negative` [B, K, D] of unit length, `mask` [B, K]; `scale` [].
        spec: Options.

    Raises:
        HairsplitError: False negatives are to be masked and the batch carries no keys.
    """
    once = HardNegativeSpec(weight=1.0, pool="all", mask_false_negatives=spec.mask_false_negatives)
    return hard_negative(z, once)


ENTRY = Loss(
    spec=NegclipSpec,
    compute=negclip,
    needs_teacher=False,
    needs_negatives=True,
    reference="arXiv:2210.01936",
)
