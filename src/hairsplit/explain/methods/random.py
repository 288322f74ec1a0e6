"""Noise: what chance gets, measured by the same road as every other method."""

from collections.abc import Sequence

import numpy as np

from hairsplit.core.attribution import Floats, Span
from hairsplit.core.run import number
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.methods._method import Method, span_texts


def heats(explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span]) -> Floats:
    """Independent standard normal numbers, the same ones for the same picture, caption and words."""
    words = explainer.subject.words(caption)
    span_texts(explainer, caption, spans)  # its errors are every method's
    seen = image.line.stop.detach().cpu().numpy().tobytes().hex()
    draws = [np.random.default_rng(number(0, "heat", seen, words.text, span)) for span in spans]
    return np.stack([draw.standard_normal(image.line.tower.grid) for draw in draws])


ENTRY = Method(
    description="independent normal numbers, to measure chance",
    order=0,
    adds_up=False,
    reference="none",
    heats=heats,
)
