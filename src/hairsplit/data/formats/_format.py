"""What a format consists of, and what its reader yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hairsplit.core.types import Pair, Reject


@dataclass(frozen=True)
class Note:
    """Something odd about a row that was kept, and therefore counted."""

    where: str
    what: str
    """`stray_spaces` | `control_characters` | `caption_labelled_both_ways`."""
    detail: str = ""


Row = Pair | Reject | Note
"""A reader yields one `Pair` or `Reject` per row of its file, and any number of `Note`s about kept rows."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One annotation format: its reader and where it comes from."""

    read: Callable[[Path], Iterator[Row]]
    """Yields the rows of an annotation file in its order; the image is the file's own name for it, perhaps without a
    suffix. Raises `HairsplitError` with file, item and remedy if the file is torn or of another shape."""
    description: str
    reference: str
    """Where the format is defined: `arXiv:...`, `doi:...`, a hub card, or this package."""
    licence: str
    """Licence of the data set that comes in this format."""
    example: str
    """A smallest valid file (contract-tested)."""
    suffix: str = ".json"
    """Usual suffix of the annotation file."""


REASONS = {
    "no_image_name": "the row names no image",
    "bad_image_path": "the image path is absolute, leaves its folder or holds control characters",
    "missing_caption": "the row has no caption",
    "empty_caption": "the caption is empty",
    "missing_negative": "the row has no negative caption",
    "empty_negative": "the negative caption is empty",
    "over_long_text": "a text has more than 1000 characters",
    "identical_texts": "caption and negative are the same, but for case and spaces",
    "unlinked_negative": "the negative names no positive of its image, or has none beside it",
    "unlinked_positive": "the positive has no negative",
    "type_mismatch": "positive and negative beside each other are of different types",
    "wrong_cell_count": "the row has more or fewer cells than the header",
    "excluded_kind": "rows of this kind were not asked for",
    "excluded_image": "the image was to be left out",
    "over_long_tokens": "a text has more tokens than the model reads",
    "missing_image": "no such file below the images root",
    "image_outside_root": "the image file is a link that leaves the images root",
    "broken_image": "the image file cannot be decoded, or is too large",
    "duplicate_pair": "the same image, caption and negative came before",
}
"""Every reason for which a row is left out on import."""
