"""Why a fact gave no draft, made once for each image and reason: of what is left out only reasons are counted."""

from functools import lru_cache

from hairsplit.core.types import Reject

_REASONS = 1 << 6
"""Remembered; an image has some ten."""


@lru_cache(maxsize=_REASONS)
def left_out(image_id: str, reason: str) -> Reject:
    """Something of an image that is not said."""
    return Reject(image_id, reason)
