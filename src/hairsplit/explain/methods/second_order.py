"""Second-order attribution, at the layers of the explainer."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from hairsplit.core.attribution import Floats, Span
from hairsplit.explain.attribute import explain_caption, explain_span
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.methods._method import Method


def heats(explainer: Explainer, image: ImageSide, caption: str, spans: Sequence[Span]) -> Floats:
    """What the words of each span and each patch add together; several spans share the work of the whole caption."""
    if len(spans) == 1:
        return explain_span(explainer, image, caption, spans[0]).values[None]
    whole = explain_caption(explainer, image, caption)
    return cast(Floats, np.stack([whole.heat(span) for span in spans]))


ENTRY = Method(
    description="what words and patches add to the score together, parts of which add up to it",
    order=2,
    adds_up=True,
    reference="arXiv:2408.14153",
    heats=heats,
)
