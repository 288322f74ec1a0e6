"""Per-item outcomes: cosines in, right or wrong out, under a given rule for ties."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hairsplit.evaluate.metrics import TIE

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Beats = Callable[[FloatArray, FloatArray], BoolArray]


def clearly(a: FloatArray, b: FloatArray) -> BoolArray:
    """Whether a > b by more than the noise of float32: a tie is a miss."""
    return np.asarray(a - b > TIE)


def at_least(a: FloatArray, b: FloatArray) -> BoolArray:
    """Whether a >= b, up to the noise of float32: a tie is a hit, as for argmax with the true option first."""
    return np.asarray(a - b >= -TIE)


@dataclass(frozen=True)
class Cosines:
    """Cosines of n items of one shape."""

    image_text: FloatArray
    """[n, I, C]"""
    text_text: FloatArray
    """[n, C, C]"""


@dataclass(frozen=True)
class Outcome:
    """One question that is asked of each item."""

    name: str
    right: Callable[[Cosines, Beats], BoolArray]
    """[n]"""
    chance: Callable[[int, int], float]
    """(images, captions) -> what random cosines score."""
    meaning: str
    needs_texts: bool = False
    """Whether it looks at the cosines between captions."""


def _first(cosines: Cosines, beats: Beats) -> BoolArray:
    flat = cosines.image_text.reshape(len(cosines.image_text), -1)
    return np.asarray(beats(flat[:, :1], flat[:, 1:]).all(axis=1))


def _text(cosines: Cosines, beats: Beats) -> BoolArray:
    s = cosines.image_text
    return beats(s[:, 0, 0], s[:, 0, 1]) & beats(s[:, 1, 1], s[:, 1, 0])


def _image(cosines: Cosines, beats: Beats) -> BoolArray:
    s = cosines.image_text
    return beats(s[:, 0, 0], s[:, 1, 0]) & beats(s[:, 1, 1], s[:, 0, 1])


def _group(cosines: Cosines, beats: Beats) -> BoolArray:
    return _text(cosines, beats) & _image(cosines, beats)


def _itt(cosines: Cosines, beats: Beats) -> BoolArray:
    s = cosines.image_text
    return beats(s[:, 0, 0], s[:, 0, 2]) & beats(s[:, 0, 1], s[:, 0, 2])


def _tot(cosines: Cosines, beats: Beats) -> BoolArray:
    t = cosines.text_text
    return beats(t[:, 0, 1], t[:, 0, 2]) & beats(t[:, 0, 1], t[:, 1, 2])


CORRECT = Outcome(
    "correct",
    _first,
    lambda images, captions: 1 / (images * captions),
    "the true image and caption score above every other pairing of the item",
)
TEXT = Outcome("text", _text, lambda _i, _c: 1 / 4, "both images score higher with their own caption")
IMAGE = Outcome("image", _image, lambda _i, _c: 1 / 4, "both captions score higher with their own image")
GROUP = Outcome("group", _group, lambda _i, _c: 1 / 6, "text and image")
ITT = Outcome("itt", _itt, lambda _i, _c: 1 / 3, "the image scores higher with both true captions than with the false")
TOT = Outcome(
    "tot",
    _tot,
    lambda _i, _c: 1 / 3,
    "the true captions are closer to each other than to the false one",
    needs_texts=True,
)
