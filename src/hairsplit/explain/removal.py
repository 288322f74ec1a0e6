"""Scores of a pair with some of its patches or words blanked: what insertion and deletion curves watch."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hairsplit.core.attribution import Span, find_span
from hairsplit.core.errors import HairsplitError
from hairsplit.explain.config import ImageReference
from hairsplit.explain.explainer import Explainer
from hairsplit.explain.lines import scaled
from hairsplit.explain.localisation import Masks, Score
from hairsplit.explain.pictures import Picture, blank_pixels, opened, pixels
from hairsplit.explain.towers import undisturbed
from hairsplit.explain.words import blank_ids

BATCH = 64


def patch_score(
    explainer: Explainer,
    picture: Picture,
    caption: str,
    *,
    fill: ImageReference = "mean",
    without: Span | None = None,
) -> Score:
    """The cosine with a picture some of whose patches are filled in; [M, rows * columns] kept ones -> [M].

    Args:
        explainer: The model; layers and unit of its configuration play no part.
        picture: RGB, or its file.
        caption: At least one word, kept whole.
        fill: What stands in place of a patch: mean grey, black, or the picture blurred. Such pictures are like none
            that a model has seen, so report two.
        without: Words of the caption. The score is then how much more the caption fits than it does without them,
            which reacts to these words and not to the picture as a whole.

    Raises:
        HairsplitError: The caption has no words, not these, or no others.
    """
    subject, tower = explainer.subject, explainer.subject.image
    texts = [caption]
    if without is not None:
        words = subject.words(caption)
        first, last = find_span(words.text, words.tokens, without)
        inside = [(t.start, t.end) for t in words.tokens if t.word is not None and first <= t.word < last]
        rest = words.text[: min(inside)[0]] + " " + words.text[max(end for _, end in inside) :]
        if not rest.strip():
            raise HairsplitError("without these words the caption is empty", where="span", hint="leave one at least")
        texts.append(rest)
    shown = opened(picture)
    whole, blank = pixels(subject.preprocess, shown), blank_pixels(subject.preprocess, shown, fill)
    with undisturbed(subject.module):
        embedded = torch.stack([_text(explainer, text) for text in texts])
        direction = embedded[0] if without is None else embedded[0] - embedded[1]

    def score(kept: Masks) -> NDArray[np.float64]:
        found = []
        with undisturbed(subject.module):
            for part in torch.split(torch.from_numpy(kept).reshape(-1, *tower.grid), BATCH):
                side = int(subject.patch)
                mask = part.repeat_interleave(side, 1).repeat_interleave(side, 2).unsqueeze(1)
                shown = torch.where(mask, whole, blank).to(subject.device, subject.dtype)
                found.append(scaled(tower.tail(tower.embed(shown), 0, 0), None) @ direction)
        return _numpy(torch.cat(found))

    return score


def word_score(explainer: Explainer, picture: Picture, caption: str) -> Score:
    """The cosine of a picture with a caption some of whose words are padding; [M, words] kept ones -> [M].

    Raises:
        HairsplitError: The caption has no words.
    """
    subject = explainer.subject
    words = subject.words(caption)
    ids, blank = words.ids(subject.device)[0], blank_ids(words, subject.pad, subject.device)[0]
    at = torch.tensor([-1 if token.word is None else token.word for token in words.tokens])
    with undisturbed(subject.module):
        seen = pixels(subject.preprocess, opened(picture)).unsqueeze(0).to(subject.device, subject.dtype)
        direction = scaled(subject.image.tail(subject.image.embed(seen), 0, 0), None)[0]

    def score(kept: Masks) -> NDArray[np.float64]:
        mask = torch.from_numpy(kept)[:, at.clamp(min=0)]  # of start and end any will do: the blank has them too
        with undisturbed(subject.module):
            rows = torch.where(mask.to(ids.device), ids, blank)
            embedded = scaled(subject.text.tail(subject.text.embed(rows), 0, words.at), None)
        return _numpy(embedded @ direction)

    return score


def _numpy(scores: Tensor) -> NDArray[np.float64]:
    found: NDArray[np.float64] = scores.double().cpu().numpy()
    return found


def _text(explainer: Explainer, text: str) -> Tensor:
    subject = explainer.subject
    words = subject.words(text)
    return scaled(subject.text.tail(subject.text.embed(words.ids(subject.device)), 0, words.at), None)[0]
