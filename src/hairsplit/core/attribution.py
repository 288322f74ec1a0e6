"""What explains a score: which words met which patches, and what each side adds alone; saved as .npz. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError

Floats = NDArray[np.float32] | NDArray[np.float64]
Span = str | tuple[int, int]
"""Words as they stand in the caption, or the numbers of the first word and of the one behind the last."""
PixelBox = tuple[float, float, float, float]
"""Left, top, right, bottom, pixels of the original picture."""


@dataclass(frozen=True)
class Token:
    """One position of the text tower."""

    id: int
    text: str
    start: int
    """Where it begins in `Attribution.caption`, characters. Several tokens of one word share the word's place."""
    end: int
    word: int | None
    """Number of its word; None for start, end and padding."""


@dataclass(frozen=True)
class View:
    """Where the grid of patches lies in the original picture: model pixel = scale x original pixel - offset."""

    rows: int
    columns: int
    patch: float
    """Side of a patch, model pixels."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Across and down."""
    offset: tuple[float, float] = (0.0, 0.0)
    """Of the crop, model pixels, across and down."""

    def shares(self, box: PixelBox) -> Floats:
        """How much of each patch a box covers, 0 to 1, [rows, columns], by exact area.

        Raises:
            HairsplitError: The box is empty, or lies outside what the model sees.
        """
        (x0, y0, x1, y1), across, down = box, self.columns, self.rows
        left, right = ((x * self.scale[0] - self.offset[0]) / self.patch for x in (x0, x1))
        top, bottom = ((y * self.scale[1] - self.offset[1]) / self.patch for y in (y0, y1))
        shares = np.outer(_overlap(top, bottom, down), _overlap(left, right, across))
        if not shares.sum() > 0:  # nor if an edge is no number
            seen = ", ".join(f"{edge:.0f}" for edge in self.box(0, 0)[:2] + self.box(down - 1, across - 1)[2:])
            raise HairsplitError(
                f"the box {tuple(box)} covers no patch",
                where="explain",
                hint=f"left, top, right, bottom in pixels of the picture; the model sees {seen}",
            )
        return shares

    def box(self, row: int, column: int) -> PixelBox:
        """The patch in pixels of the original picture."""
        x, y = column * self.patch + self.offset[0], row * self.patch + self.offset[1]
        across, down = self.scale
        return x / across, y / down, (x + self.patch) / across, (y + self.patch) / down


def _overlap(low: float, high: float, cells: int) -> Floats:
    edges = np.arange(cells, dtype=np.float64)
    found: Floats = np.clip(np.minimum(high, edges + 1) - np.maximum(low, edges), 0, 1)
    return found


@dataclass(frozen=True)
class Quality:
    """How well the integrals are known. Residuals: length of what is missing over the length of the change."""

    residual_text: float
    residual_image: float
    nodes_text: int
    """Points of the text's line at which derivatives were taken."""
    nodes_image: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """A score taken apart: base + sum(text_main) + image mains + sum(values) + class_values = score + gap.

    All numbers are in the unit of the score: cosine, unless `config` says that it is a dot product. Captions and
    images are measured against a reference, a blank of the same shape, see `config`. Of a contrast the score is a
    margin, and the reference is the negative caption.
    """

    caption: str
    """As the tokenizer cleaned it; places of tokens are in this text."""
    tokens: tuple[Token, ...]
    """Every position of the text tower, start and end token included."""
    values: Floats
    """[tokens, rows, columns]: what token and patch add together that neither adds alone."""
    class_values: Floats
    """[tokens]: the same with the image's class token; 0 where the tower has none."""
    text_main: Floats
    """[tokens]: what a token adds on the reference image: the part that never looks."""
    image_main: Floats
    """[rows, columns]: what a patch adds with the reference caption."""
    class_main: float
    """The same of the class token."""
    base: float
    """The score of both references."""
    score: float
    """Of the caption and the image, by the model's own forward pass."""
    blank_image_score: float
    """Of the caption and the reference image."""
    blank_text_score: float
    """Of the reference caption and the image."""
    gap: float
    """Sum of all parts less the score."""
    quality: Quality
    view: View
    logit_scale: float = 1.0
    """Factor from cosines to logits."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Layers, references, tolerance: what the numbers depend on."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Model, picture, versions: where they come from."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in words."""
    text_factors: Floats | None = None
    """U [tokens, D]: values = U V^T."""
    image_factors: Floats | None = None
    """V [positions, D], class token first."""

    @property
    def words(self) -> tuple[str, ...]:
        """The caption's words that the model sees, numbers and signs included."""
        places = {token.word: (token.start, token.end) for token in self.tokens if token.word is not None}
        return tuple(self.caption[start:end] for _, (start, end) in sorted(places.items()))

    @property
    def total(self) -> float:
        """The sum of all parts."""
        parts = (self.text_main, self.image_main, self.values, self.class_values)
        return self.base + self.class_main + sum(float(part.sum(dtype=np.float64)) for part in parts)

    @property
    def class_share(self) -> float:
        """Share of the interactions' absolute sum that lies on the class token: no picture shows it."""
        return _share(np.abs(self.class_values).sum(), np.abs(self.values).sum())

    @property
    def special_share(self) -> float:
        """Share of the interactions' absolute sum that lies on start, end and padding tokens."""
        special = np.array([token.word is None for token in self.tokens])
        size = np.abs(self.values).sum((1, 2)) + np.abs(self.class_values)
        return _share(size[special].sum(), size[~special].sum())

    def word_tokens(self, span: Span) -> NDArray[np.bool_]:
        """Which tokens belong to a span, [tokens].

        Raises:
            HairsplitError: The caption has no such words, or has them more than once.
        """
        first, last = find_span(self.caption, self.tokens, span)
        return np.array([token.word is not None and first <= token.word < last for token in self.tokens])

    def heat(self, span: Span | None = None) -> Floats:
        """[rows, columns]: what the words of a span and each patch add together; None: all tokens, special ones too.

        Raises:
            HairsplitError: See `word_tokens`.
        """
        chosen = self.values if span is None else self.values[self.word_tokens(span)]
        found: Floats = chosen.sum(0)
        return found

    def bars(self, box: PixelBox | None = None) -> Floats:
        """[words]: what each word and the patches within a box add together, patches on its edge by their share.

        Raises:
            HairsplitError: The box covers nothing that the model sees.
        """
        shares = np.ones(self.values.shape[1:]) if box is None else self.view.shares(box)
        return self.by_word((self.values * shares).sum((1, 2)))

    def by_word(self, numbers: Floats) -> Floats:
        """Sums over each word's tokens, [words], of numbers [tokens]; those of special tokens are left out."""
        found = np.zeros(len(self.words))
        for token, number in zip(self.tokens, numbers, strict=True):
            if token.word is not None:
                found[token.word] += number
        return found


def find_span(caption: str, tokens: tuple[Token, ...], span: Span) -> tuple[int, int]:
    """Numbers of the first word of a span and of the one behind its last.

    Raises:
        HairsplitError: The caption has no such words, or has them more than once.
    """
    places = sorted({(t.word, t.start, t.end) for t in tokens if t.word is not None})
    count = len(places)
    listing = ", ".join(f"{n}: {caption[start:end]}" for n, start, end in places)
    if not isinstance(span, str):
        first, last = span
        if not 0 <= first < last <= count:
            raise HairsplitError(f"no words {first} to {last}", where="span", hint=f"the words are {listing}")
        return first, last
    wanted = " ".join(span.split()).lower()
    begins, ends = {start: n for n, start, _ in places}, {end: n for n, _, end in places}
    found = [
        (begins[at], ends[at + len(wanted)] + 1)
        for at in range(len(caption))
        if wanted and caption.startswith(wanted, at) and at in begins and at + len(wanted) in ends
    ]
    if not found:
        raise HairsplitError(f"{span!r} is not in the caption", where="span", hint=f"the words are {listing}")
    if len(found) > 1:
        choice = " or ".join(map(str, found))
        raise HairsplitError(
            f"{span!r} is in the caption {len(found)} times", where="span", hint=f"say which: {choice}"
        )
    return found[0]


@dataclass(frozen=True, eq=False)
class SpanHeat:
    """What the words of one span and each patch add together, worked out alone."""

    words: tuple[int, int]
    values: Floats
    """[rows, columns]."""
    class_value: float
    main: float
    """What the span adds on the reference image."""
    gap: float
    """Sum over all positions less what the span adds on this image beyond the reference image."""
    quality: Quality


@dataclass(frozen=True, eq=False)
class BoxBars:
    """What the patches of one box and each token add together, worked out alone."""

    box: PixelBox
    values: Floats
    """[tokens]."""
    main: float
    """What the box adds with the reference caption."""
    gap: float
    """Sum over all tokens less what the box adds with this caption beyond the reference caption."""
    quality: Quality


@dataclass(frozen=True, kw_only=True, eq=False)
class Contrast:
    """Why a model prefers a caption to its hard negative, or not: margin = score(caption) - score(negative)."""

    caption: str
    negative: str
    margin: float
    blank_margin: float
    """The margin on the reference image: what the texts alone decide."""
    direct: Attribution | None
    """Of the margin, with the negative as reference; tokens are the caption's. None: the captions differ in length."""
    negative_tokens: tuple[Token, ...]
    positive_side: Attribution | None = None
    """The caption's own explanation; always there where it is indirect."""
    negative_side: Attribution | None = None
    """The negative's."""

    @property
    def gap(self) -> float:
        """Sum of all parts less the margin."""
        if self.direct is not None:
            return self.direct.gap
        assert self.positive_side is not None and self.negative_side is not None  # noqa: S101 - see `direct`
        return self.positive_side.gap - self.negative_side.gap

    @property
    def reference_shift(self) -> float:
        """What the blank captions of different lengths add to the margin by themselves; 0 where it is direct."""
        if self.direct is not None or self.positive_side is None or self.negative_side is None:
            return 0.0
        sides = [s.base + s.class_main + float(s.image_main.sum()) for s in (self.positive_side, self.negative_side)]
        return sides[0] - sides[1]

    @property
    def changed(self) -> NDArray[np.bool_]:
        """[tokens]: where the caption's token is another one than the negative's; only where it is direct."""
        tokens = () if self.direct is None else self.direct.tokens
        return np.array([a.id != b.id for a, b in zip(tokens, self.negative_tokens, strict=False)], dtype=bool)


def _share(part: float, rest: float) -> float:
    return float(part / (part + rest)) if part + rest > 0 else 0.0
