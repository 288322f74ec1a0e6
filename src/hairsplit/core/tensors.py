"""What flows between batches, encoders and losses.

Shapes are annotations: tests check them (jaxtyping and beartype, see tests/conftest.py), a user's run does not.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from jaxtyping import Bool, Float, Int64
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's input: each image once, one true caption and up to K hard negatives of its own."""

    pixels: Float[Tensor, "B 3 H W"]
    """float32, normalised as the encoder expects."""
    caption_ids: Int64[Tensor, "B L"]
    """Token ids, padded with zeros to the longest caption of the batch."""
    negative_ids: Int64[Tensor, "B K M"]
    """Token ids; rows where `mask` is False are padding."""
    mask: Bool[Tensor, "B K"]
    """True where a negative exists."""
    image_keys: Int64[Tensor, " B"]
    """Equal for equal images (content hash)."""
    caption_keys: Int64[Tensor, " B"]
    """Equal for captions that are equal after normalisation."""
    kinds: tuple[str, ...] = ()
    """Kind of each row's first negative."""

    def part(self, start: int, stop: int) -> "Batch":
        """The rows from `start` up to `stop`, no copy; captions keep their width.

        Raises:
            ValueError: The batch has no such rows.
        """
        if not 0 <= start < stop <= len(self.mask):
            raise ValueError(f"no rows {start} to {stop} in a batch of {len(self.mask)}")
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        cut: dict[str, Any] = {name: rows if rows is None else rows[start:stop] for name, rows in values.items()}
        return replace(self, **cut)


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """What losses see: unit embeddings of the *global* batch, gathered over ranks with gradient."""

    image: Float[Tensor, "B D"]
    """Unit length."""
    positive: Float[Tensor, "B D"]
    """Unit length, of the true captions."""
    negative: Float[Tensor, "B K D"]
    """Unit length, of each image's own hard negatives."""
    mask: Bool[Tensor, "B K"]
    """True where a negative exists."""
    scale: Float[Tensor, ""]
    """1 / temperature: exp(logit_scale), at most 100."""
    image_keys: Int64[Tensor, " B"] | None = None
    """Equal for equal images; for `mask_false_negatives`."""
    caption_keys: Int64[Tensor, " B"] | None = None
    """Equal for equal captions; for `mask_false_negatives`."""


@dataclass(frozen=True)
class LossOutput:
    """A loss in nats and the named parts it was made of, for the log."""

    total: Float[Tensor, ""]
    """Differentiable."""
    parts: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Name -> value, each before weighting."""
