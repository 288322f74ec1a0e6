"""What a method of locating words consists of, and what the first-order ones share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from hairsplit.core.attribution import Floats, Span, find_span
from hairsplit.core.errors import HairsplitError
from hairsplit.explain.closed_form import Block, LastBlock
from hairsplit.explain.explainer import Explainer, ImageSide


class Heats(Protocol):
    """Heats of several spans of one caption on one picture."""

    def __call__(self, explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span], /) -> Floats:
        """[spans, rows, columns]; the model is left as it was.

        Raises:
            HairsplitError: The caption has no such words, or the model is of a kind that the method cannot see into.
        """


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way to say where in a picture some words of a caption lie."""

    description: str
    """One line."""
    order: Literal[0, 1, 2]
    """2: how words and patches act together, within the caption. 1: patches alone; the words of a span are given to
    the model as a caption of their own, so that a heat is of another input than the caption. 0: neither."""
    adds_up: bool
    """Whether heats are parts of the score."""
    reference: str
    """Where it comes from."""
    heats: Heats

    def heat(self, explainer: Explainer, image: ImageSide, caption: str, span: Span) -> Floats:
        """Of one span, [rows, columns].

        Args:
            explainer: The model. Its layers are those of second order; of the others, see each.
            image: The picture, from `explainer.image_side`.
            caption: At least one word.
            span: Words of it.

        Raises:
            HairsplitError: See `Heats`.
        """
        found: Floats = self.heats(explainer, image, caption, [span])[0]
        return found


def span_texts(explainer: Explainer, caption: str, spans: Sequence[Span]) -> list[str]:
    """The words of each span as they stand in the caption.

    Raises:
        HairsplitError: The caption has no such words, or has them more than once.
    """
    words = explainer.subject.words(caption)
    found = []
    for span in spans:
        first, last = find_span(words.text, words.tokens, span)
        places = [(t.start, t.end) for t in words.tokens if t.word is not None and first <= t.word < last]
        found.append(words.text[min(places)[0] : max(end for _, end in places)])
    return found


def prompts(explainer: Explainer, caption: str, spans: Sequence[Span]) -> Tensor:
    """Embeddings of spans, each as a caption of its own, [spans, D], not scaled; call it within `undisturbed`."""
    tower, rows = explainer.subject.text, []
    for text in span_texts(explainer, caption, spans):
        words = explainer.subject.words(text)
        rows.append(tower.tail(tower.embed(words.ids(explainer.subject.device)), 0, words.at)[0])
    return torch.stack(rows)


def known_blocks(explainer: Explainer, image: ImageSide, name: str) -> tuple[tuple[Block, ...], LastBlock]:
    """The image tower's blocks from the explainer's image layer on: all but the last, and the last.

    Raises:
        HairsplitError: The tower is no CLIP's, so that its attention cannot be seen into.
    """
    tower = image.line.tower
    if tower.last is None or len(tower.parts) != tower.depth - 1 or tower.leading != 1:
        raise HairsplitError(
            f"{name} sees into blocks and the class token of a CLIP, which this model has not",
            where=explainer.subject.name,
            hint="take the method second_order",
        )
    return tower.parts[image.line.layer :], tower.last


def before_last(image: ImageSide) -> Tensor:
    """Hidden states of the picture at the input of the last block, [L, W]; call it within `undisturbed`."""
    tower, hidden = image.line.tower, image.line.stop.unsqueeze(0)
    for block in tower.blocks[image.line.layer : -1]:
        hidden = block(hidden)
    return hidden[0]


def similarity(last: LastBlock, hidden: Tensor, texts: Tensor) -> Tensor:
    """Cosines of positions, projected as the class token is, [L, W], with texts [S, D]: [S, L]."""
    embedded = last.projection(last.norm(hidden))
    return cosine_similarity(texts.unsqueeze(1), embedded.unsqueeze(0), dim=-1)


def on_grid(image: ImageSide, rows: Tensor) -> Floats:
    """Numbers of all positions [S, L] -> of patches, [S, rows, columns]."""
    tower = image.line.tower
    found = cast(Any, rows[:, tower.leading :].detach().cpu().numpy())
    return cast(Floats, np.ascontiguousarray(found).reshape(len(rows), *tower.grid))
