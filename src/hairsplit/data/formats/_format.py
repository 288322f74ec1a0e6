"""What a format consists of, and what its reader yields."""

from collections.abc import Callable, Collection, Iterable, Iterator
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


class InexactError(Exception):
    """A file that was cut by guess cannot be read so; whether it is torn, only exact cutting tells. Never a user's."""


@dataclass(frozen=True)
class Part:
    """Some MiB of a large annotation file that can be read alone: all rows of each of its images."""

    text: bytes
    offset: int
    """Bytes of the (unpacked) file before it."""
    fetched: int
    """Bytes of the file on the disk that were read so far, for the time left."""
    exact: bool
    """Whether it is known to be JSON, and of one image only."""


Linked = tuple[str, str | None, str | None, str]
"""Where in the image's annotations, caption, negative, kind: a row, not checked yet."""


@dataclass(frozen=True)
class ImageRows:
    """All rows of one image, in the order of the file. Plain tuples: there are millions."""

    image: str
    where: str
    """For messages; the row's own `where` follows it."""
    rows: Iterable[Linked | Reject]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """How a file of many GB is read: cut into parts, each of which any process can read."""

    cut: Callable[[Path, bool], Iterator[Part]]
    """Of a file; exactly (True) or by a fast guess that `read` proves."""
    read: Callable[[Part, Path, Collection[str]], Iterator[ImageRows]]
    """Of a part of a file, dropping rows for some of `Format.drops`. Raises `InexactError`."""


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
    parts: Parts | None = None
    """For files too large for one process; yields what `read` does."""
    drops: tuple[str, ...] = ()
    """Marks of doubtful rows which these files carry, each the reason of rows dropped for it."""


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
    "no_image": "the sample holds no picture",
    "several_images": "the sample holds several pictures",
    "no_text": "a text of the sample is not UTF-8, no JSON object (or one with a key twice), or over 16 MB",
    "uneven_texts": "the sample's captions and negatives are not equally many",
    "repeated_member": "a member of the sample comes twice, and which one counts is not known",
    "over_long_member": "a member of the archive is too large to be read",
    "not_fetched": "the picture lies elsewhere, and nothing was to be fetched",
    "broken_image": "the image file cannot be decoded, or is too large",
    "duplicate_pair": "the same image, caption and negative came before",
    "noisy": "marked as perhaps wrong in the file (`noisy`), and such rows were not wanted",
    "ambiguous": "marked as ambiguous in the file, and such rows were not wanted",
    "not_drawn": "not among the images or pairs that were drawn",
}
"""Every reason for which a row is left out on import."""

OF_ANOTHER_FORMAT = frozenset({"no_image_name", "missing_caption", "missing_negative", "wrong_cell_count"})
"""Reasons for which every row is left out of a file that is of another format."""
