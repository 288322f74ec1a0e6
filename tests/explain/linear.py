"""A dual encoder that can be worked out by hand: colours of patches against colour words, mean pooling, no bend."""

import torch
from torch import Tensor, nn

from hairsplit.core.attribution import Token
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.explain.subject import Subject
from hairsplit.explain.towers import Tower
from hairsplit.explain.words import Words

COLOURS = ("red", "green", "blue")
VOCABULARY = ("!", *COLOURS, "square", "circle")
ROWS, COLUMNS, SIZE = 2, 3, 6


class _Colours(nn.Module):
    """Holds the word vectors: colour words are one-hot, all others are zero."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.zeros(len(VOCABULARY), 3, dtype=torch.float64))
        with torch.no_grad():
            self.vectors[1:4] = torch.eye(3, dtype=torch.float64)

    def words(self, ids: Tensor) -> Tensor:
        return self.vectors[ids]

    def patches(self, pixels: Tensor) -> Tensor:
        """Mean of each colour over a patch, [N, rows * columns, 3]."""
        cells = pixels.reshape(-1, 3, ROWS, SIZE // ROWS, COLUMNS, SIZE // COLUMNS)
        return cells.mean((3, 5)).flatten(2).transpose(1, 2)


def _words(caption: str) -> Words:
    places, at = [], 0
    for word in caption.split():
        at = caption.index(word, at)
        places.append((word, at, at + len(word)))
        at += len(word)
    if not places:
        raise HairsplitError("the caption is empty", where="explain", hint="give it at least one word")
    rows = [Token(VOCABULARY.index(word), word, start, end, n) for n, (word, start, end) in enumerate(places)]
    return Words(caption, tuple(rows), len(rows) - 1)


def subject() -> Subject:
    """Score (dot) = sum over words and patches of [share of the word's colour in the patch] / (words x patches)."""
    module = _Colours()
    text = Tower("text", module.words, (lambda x: x,), lambda x, _: x.mean(1))
    image = Tower("image", module.patches, (lambda x: x,), lambda x, _: x.mean(1), grid=(ROWS, COLUMNS))
    preprocess = Preprocess(SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Subject("linear", module, text, image, preprocess, _words, module.words, 0, float(SIZE // ROWS), 1.0)
