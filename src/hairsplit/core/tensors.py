"""What flows between batches, encoders and losses."""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's input: each image once, one true caption and up to K hard negatives of its own."""

    pixels: Tensor
    """[B, 3, H, W] float32, normalised as the encoder expects."""
    caption_ids: Tensor
    """[B, L] int64 token ids, padded with zeros to the longest caption of the batch."""
    negative_ids: Tensor
    """[B, K, L'] int64 token ids; rows where `mask` is False are padding."""
    mask: Tensor
    """[B, K] bool, True where a negative exists."""
    image_keys: Tensor
    """[B] int64, equal for equal images (content hash)."""
    caption_keys: Tensor
    """[B] int64, equal for captions that are equal after normalisation."""
    kinds: tuple[str, ...] = ()
    """Kind of each row's first negative."""


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """What losses see: unit embeddings of the *global* batch, gathered over ranks with gradient."""

    image: Tensor
    """[B, D] unit length."""
    positive: Tensor
    """[B, D] unit length, of the true captions."""
    negative: Tensor
    """[B, K, D] unit length, of each image's own hard negatives."""
    mask: Tensor
    """[B, K] bool, True where a negative exists."""
    scale: Tensor
    """[] 1 / temperature: exp(logit_scale), at most 100."""
    image_keys: Tensor | None = None
    """[B] int64, equal for equal images; for `mask_false_negatives`."""
    caption_keys: Tensor | None = None
    """[B] int64, equal for equal captions; for `mask_false_negatives`."""


@dataclass(frozen=True)
class LossOutput:
    """A loss in nats and the named parts it was made of, for the log."""

    total: Tensor
    """[] differentiable."""
    parts: dict[str, Tensor] = field(default_factory=dict)
    """name -> [], each before weighting."""
