"""Pairs joined into examples, numbered by a dictionary."""

from collections.abc import Sequence

import numpy as np

from hairsplit.core.types import Pair
from hairsplit.data.examples import Examples
from hairsplit.data.examples import examples as joined


def examples(pairs: Sequence[Pair], negatives_per_image: int) -> Examples:
    """As `data.examples.examples`, which wants numbers of images and captions."""
    columns = [pair.image for pair in pairs], [pair.caption for pair in pairs]
    images, captions = (
        np.array([list(dict.fromkeys(column)).index(text) for text in column], np.int32) for column in columns
    )
    return joined(pairs, negatives_per_image, images, captions)
