"""What flows between batches, encoders and losses.

Shapes are annotations: tests check them (jaxtyping and beartype, see tests/conftest.py), a user's run does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from jaxtyping import Bool, Float, Int64
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's input: each image once, one true caption and up to K hard negatives of its own."""

    pixels: Float[Tensor, "B 3 H W"] | None
    """float32, normalised as the encoder expects; None: `decoded` is False for all."""
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
    negative_kinds: Int64[Tensor, "B K"] | None = None
    """Kind of each negative, as a hash of its name; 0 where `mask` is False."""
    decoded: Bool[Tensor, " B"] | None = None
    """False where a row of `pixels` holds nothing, because features stand for it; None: all hold a picture."""
    image_features: Float[Tensor, "B ..."] | None = None
    """What the frozen steps of the image tower give, in rows that are not decoded; others hold nothing."""
    reference_features: Float[Tensor, "B D"] | None = None
    """The same of the reference model, where it is not what `image_features` holds."""

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
    local_positive: Float[Tensor, " B"] | None = None
    """Log of how well each image's patches match the tokens of its caption (`losses.local_similarity`), with the scale
    in it; None: no loss asked for it."""
    local_negative: Float[Tensor, "B K"] | None = None
    """The same with each image's own hard negatives; 0 where `mask` is False."""
    kinds: Int64[Tensor, "B K"] | None = None
    """Equal for negatives of one kind; None: all are of one. For thresholds that differ by kind."""
    learned: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Scalars that a loss learns beside the model, such as a bias; carry gradient."""
    carry: Mapping[str, Tensor] = field(default_factory=dict)
    """What the losses of the step before handed on, `LossOutput.carry`; no gradient; empty at the first step."""

    def differentiable(self) -> dict[str, Tensor]:
        """What a loss is a function of: image, positive, negative, scale, what is local, scalars as `learned.NAME`."""
        names = ("image", "positive", "negative", "scale", "local_positive", "local_negative")
        named = {name: value for name in names if (value := getattr(self, name)) is not None}
        return named | {f"learned.{name}": value for name, value in self.learned.items()}

    def with_differentiable(self, values: Mapping[str, Tensor]) -> "Embeddings":
        """The same with other tensors in place of some of those that `differentiable` names."""
        own: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith("learned.")}
        learned = {name: values.get(f"learned.{name}", value) for name, value in self.learned.items()}
        return replace(self, **own, learned=learned)


@dataclass(frozen=True)
class LossOutput:
    """A loss in nats and the named parts it was made of, for the log."""

    total: Float[Tensor, ""]
    """Differentiable."""
    parts: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Name -> value, each before weighting."""
    terms: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
    """Name -> weighted term of a sum, differentiable, all of which are `total`; {}: it is no sum of losses."""
    carry: dict[str, Tensor] = field(default_factory=dict)
    """Detached state for the next step's `Embeddings.carry`, the same on every rank."""
