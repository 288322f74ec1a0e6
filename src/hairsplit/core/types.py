"""What flows through hairsplit, as frozen dataclasses; no torch, no pandas."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

World = Literal["open", "closed"]
"""Closed: the annotation is complete, what is not stated is false. Open: what is not stated is unknown."""


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in pixels, origin at the top left."""

    x: float
    y: float
    w: float
    h: float

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle, pixels."""
        return self.x + self.w / 2, self.y + self.h / 2


@dataclass(frozen=True)
class Relation:
    """A directed edge: the holder of the edge `predicate` the object with id `target`."""

    predicate: str
    target: str


@dataclass(frozen=True)
class Thing:
    """One object of a scene."""

    id: str
    name: str
    box: Box
    attributes: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A scene graph in the sense of GQA: objects with boxes, attributes and outgoing relations."""

    image_id: str
    width: int
    height: int
    things: tuple[Thing, ...]
    image: str | None = None
    """Path of the picture relative to the images root; None means `<image_id>.jpg`."""
    split: str | None = None


@dataclass(frozen=True)
class Edit:
    """The one place in which a negative differs from its positive."""

    role: str
    """subject | object | predicate | attribute | count | quantifier | roles | attributes"""
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One row of the pairs table: a true caption of an image and a false one (or none)."""

    image: str
    """Path relative to the images root."""
    image_id: str
    caption: str
    negative: str | None
    kind: str
    source: str
    edit: Edit | None = None
    evidence: str | None = None
    """Why the negative is false: geometric | exclusive_attribute | converse_or_contrary | complete | human | ..."""
    caption_form: str | None = None
    """Logical form of the caption as JSON (CAPTIONS 7.3)."""
    negative_form: str | None = None
    boxes: str | None = None
    """JSON list of {id, noun, role, x, y, w, h}, pixels."""
    group_id: str | None = None
    """Shared by rows with the same positive caption of the same image."""
    weight: float | None = None
    """How often training shows the pair, next to 1 of the others (None: 1; 0: never). It changes the sample, whatever
    the loss, and no number of an evaluation."""
    text_gap: float | None = None
    """Mean log-odds (nats) at which readers blind to the image take the caption; None: the table was not balanced."""
    plausibility: float | None = None
    """Log-odds (nats) of the negative's words against the caption's, by the n-grams of other images' captions."""
    pair_id: str | None = None
    """Hash of image, family, both forms and both texts."""
    split: str | None = None
    """Of the scene."""
    caption_evidence: str | None = None
    """Why the caption is true."""
    template_id: str | None = None
    """Sentence pattern of the two texts: `<family>:<number>`."""
    caption_span: tuple[int, int] | None = None
    """Where the caption differs from the negative: start and end, characters, whole words."""
    negative_span: tuple[int, int] | None = None
    flip_safe: bool | None = None
    """Whether the texts say of the mirrored image what they say of the image."""
    flip_caption: str | None = None
    """What to say of the mirrored image instead: left and right exchanged. None where that is not known."""
    flip_negative: str | None = None
    p_label_error: float | None = None
    """Probability that the caption is not true or the negative not false; None: not known of negatives of its kind."""


@dataclass(frozen=True)
class Reject:
    """A row that was left out, and why."""

    where: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Item:
    """One question to a model: images and captions, the true caption first."""

    id: str
    images: tuple[Path, ...]
    captions: tuple[str, ...]
    kind: str
    cluster: str = ""
    """Items of one image share it; intervals are clustered by it."""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemScore:
    """The cosines a model gave to one pair item."""

    id: str
    image: str
    kind: str
    cluster: str
    caption: str
    negative: str
    positive_cosine: float
    negative_cosine: float

    @property
    def correct(self) -> bool:
        """A tie is a miss."""
        return self.positive_cosine > self.negative_cosine


@dataclass(frozen=True)
class Estimate:
    """A number that can be trusted as far as it says: 95 % interval, sample size, chance level."""

    value: float
    low: float
    high: float
    n: int
    chance: float | None = None

    def __str__(self) -> str:
        known = self.low == self.low  # nan, where one image is no sample
        interval = f"[{100 * self.low:.1f}, {100 * self.high:.1f}]" if known else "[interval unknown]"
        return f"{100 * self.value:.1f} % {interval} (n = {self.n})"
