"""Explaining pairs of one model: the image's side once, then every caption, span, box and contrast on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from hairsplit.core.attribution import View
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import file_hash
from hairsplit.explain.config import ExplainConfig
from hairsplit.explain.held import Held
from hairsplit.explain.lines import Line, scaled
from hairsplit.explain.pictures import Picture, blank_pixels, opened, pixels, view
from hairsplit.explain.quadrature import Integral
from hairsplit.explain.second_order import factors
from hairsplit.explain.subject import Subject
from hairsplit.explain.towers import Tower, undisturbed
from hairsplit.explain.words import Words, blank_ids, check_same_length

_TINY = 1e-12


@dataclass(frozen=True)
class ImageSide:
    """One picture, with all that its captions share."""

    line: Line
    """From the reference image."""
    factors: Integral | None
    """V; None where its rows are cheaper taken along each caption's own directions."""
    view: View
    origin: Mapping[str, Any]

    def shared(self) -> "ImageSide":
        """The same for many captions one after the other: reverse mode keeps its graphs, at most 128 MiB in float32.

        No number changes by it, not in the last bit.
        """
        return self if self.factors is not None else replace(self, line=replace(self.line, held=Held()))


@dataclass(frozen=True)
class Explainer:
    """A model and how it is to be explained.

    What does not change from pair to pair is kept: make a new one if the model's weights change.
    """

    subject: Subject
    config: ExplainConfig = field(default_factory=ExplainConfig)
    _blanks: dict[Any, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False, compare=False)
    """Hidden states [L, W] and raw embedding [D] of reference images and captions."""

    def image_side(
        self, picture: Picture, reference: Picture | None = None, *, keep_factors: bool = False
    ) -> ImageSide:
        """Encode a picture and its reference, once for all captions.

        Args:
            picture: RGB, or its file.
            reference: Another picture in place of `config.image_reference`.
            keep_factors: Work V out even where no closed form gives it, one forward-mode pass per patch, so that no
                caption needs the image tower again. It pays off where many whole captions meet one picture: of a
                ViT-B/32 at the layers of `words` it costs as much as 14.5 forward passes of the pair, a caption
                without it 10.3, of which a part is the text's side, a contrast 2.8 (docs/performance.md). So no sooner
                than with the second caption or the sixth contrast, and later the more nodes the model's bends take.

        Raises:
            HairsplitError: No picture, or the model cannot be explained.
        """
        subject, tower = self.subject, self.subject.image
        layer = tower.layer(self.config.image_layer)
        shown = opened(picture)
        with undisturbed(subject.module):
            here = self._states(tower, layer, self._pixels(pixels(subject.preprocess, shown)), 0)
            if reference is not None:
                blank = self._states(tower, layer, self._pixels(pixels(subject.preprocess, opened(reference))), 0)
            else:
                blank = self._blank_image(shown, layer)
            line = self._line(tower, layer, 0, blank, here)
            known = factors(line) if line.closed or keep_factors else None
        where = view(subject.preprocess, shown.size, tower.grid, subject.patch)
        origin: dict[str, Any] = {"width": shown.width, "height": shown.height}
        if isinstance(picture, str | Path):
            origin |= {"picture": str(picture), "picture_hash": file_hash(Path(picture))}
        return ImageSide(line, known, where, origin)

    def text_line(self, words: Words, reference: Words | None = None) -> Line:
        """The line from the reference caption to a caption; call it within `undisturbed`.

        At layer 0 both go through the tower together, but with no other pair: a pair's numbers do not depend, by
        rounding, on what else is explained.

        Raises:
            HairsplitError: The reference has another number of tokens.
        """
        if reference is None:
            return self.text_lines([words])[0]
        check_same_length(words, reference)
        layer = self.subject.text.layer(self.config.text_layer)
        # deeper, what stands before the first other word must be the same in both, to the last bit, to add exactly 0
        both = [[words, reference]] if layer == 0 else [[words], [reference]]
        here, blank = (state for together in both for state in self._text_states(together, layer))
        return self._line(self.subject.text, layer, words.at, blank, here)

    def text_lines(self, captions: Sequence[Words]) -> list[Line]:
        """The lines from blank captions; all captions go through the tower together."""
        tower = self.subject.text
        layer = tower.layer(self.config.text_layer)
        # blank ones by themselves: what is kept must not depend, by rounding, on who was there at first
        return [
            self._line(tower, layer, words.at, self._blank_text(words, layer), here)
            for words, here in zip(captions, self._text_states(captions, layer), strict=True)
        ]

    def _text_states(self, captions: Sequence[Words], layer: int) -> list[tuple[Tensor, Tensor]]:
        """Hidden states [L, W] and raw embedding [D] of each caption."""
        tower, device = self.subject.text, self.subject.device
        # what stands behind a caption changes nothing of it in a causal tower; another one has captions of one length
        longest = max((len(words.tokens) for words in captions), default=0)
        ids = [pad(words.ids(device), (0, longest - len(words.tokens)), value=self.subject.pad) for words in captions]
        states = _through(tower, layer, tower.embed(torch.cat(ids)), [words.at for words in captions])
        return [(hidden[: len(words.tokens)], raw) for words, (hidden, raw) in zip(captions, states, strict=True)]

    def _pixels(self, one: Tensor) -> Tensor:
        return one.unsqueeze(0).to(self.subject.device, self.subject.dtype)

    def _states(self, tower: Tower, layer: int, inputs: Tensor, at: int) -> tuple[Tensor, Tensor]:
        return _through(tower, layer, tower.embed(inputs), [at])[0]

    def _blank_image(self, shown: Any, layer: int) -> tuple[Tensor, Tensor]:
        kind, subject = self.config.image_reference, self.subject

        def made() -> tuple[Tensor, Tensor]:
            blank = blank_pixels(subject.preprocess, shown, kind)
            return self._states(subject.image, layer, self._pixels(blank), 0)

        return made() if kind == "blur" else self._kept(("image", kind, layer), made)

    def _blank_text(self, words: Words, layer: int) -> tuple[Tensor, Tensor]:
        subject, kind = self.subject, self.config.text_reference
        blank = blank_ids(words, subject.pad, subject.device)

        def made() -> tuple[Tensor, Tensor]:
            embedded = subject.text.embed(blank)
            if kind == "zeros":
                inside = torch.tensor(words.content, device=subject.device)[None, :, None]
                embedded = embedded - inside * subject.token_embedding(blank)
            return _through(subject.text, layer, embedded, [words.at])[0]

        return self._kept(("text", kind, layer, tuple(blank[0].tolist()), words.content), made)

    def _kept(self, key: Any, made: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        if key not in self._blanks:
            self._blanks[key] = made()
        return self._blanks[key]

    def _line(
        self, tower: Tower, layer: int, at: int, blank: tuple[Tensor, Tensor], here: tuple[Tensor, Tensor]
    ) -> Line:
        """From one state to another, embeddings scaled as `config.score` says."""
        config = self.config
        raw = torch.stack([blank[1], here[1]])
        if not torch.isfinite(raw).all():
            raise HairsplitError(
                f"the {tower.side} embedding is not finite", where=self.subject.name, hint="check the model's weights"
            )
        lengths = raw.norm(dim=-1)
        if config.score != "dot" and float(lengths.min()) < _TINY:
            raise HairsplitError(
                f"an embedding of the {tower.side} tower or of its reference has no direction",
                where=self.subject.name,
                hint="take score='dot' or another reference",
            )
        length = {"cosine": None, "dot": 1.0, "fixed": float(lengths[1])}[config.score]
        ends = scaled(raw, length)
        return Line(tower, layer, at, blank[0], here[0], length, (ends[0], ends[1]), config.engine, config.quadrature)


def _through(tower: Tower, layer: int, embedded: Tensor, places: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """Hidden states [L, W] at a layer, and the embedding [D] they lead to, from each input of block 0 [N, L, W]."""
    hidden = tower.reach(embedded, layer)
    return list(zip(hidden, tower.tails(hidden, layer, places), strict=True))
