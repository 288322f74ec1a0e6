"""What a bundle consists of: samples, each of a picture's bytes and the rows that go with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hairsplit.core.types import Reject

COLUMNS = ("image", "caption", "negative", "kind", "image_id", "source")
"""What a column of a data set can be."""
MAX_TEXT = 16_000_000
"""Bytes of the longest member of text that is read."""


@dataclass(frozen=True)
class Sample:
    """One picture, encoded, and its rows: columns of the pairs table, `caption` and perhaps `negative` among them."""

    where: str
    picture: bytes
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which part of a bundle is asked for, and what its columns mean."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Meaning, one of `COLUMNS` -> name of the column."""
    split: str | None = None
    config: str | None = None
    """Name of a data set's configuration (subset)."""
    revision: str | None = None
    """Branch, tag or commit."""
    download: bool = False
    """Whether anything may be fetched."""

    def given(self) -> list[str]:
        """Names of the settings that are not the default."""
        return [name for name, value in vars(self).items() if value]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One kind of bundle."""

    read: Callable[[str, Choice], Iterator[Sample | Reject]]
    """Yields the samples of what the user named, in its order. Raises `HairsplitError` if it is missing, torn, unsafe
    or of another shape."""
    description: str
    reference: str


def paired(captions: Sequence[str], negatives: Sequence[str | None]) -> list[tuple[str, str | None]] | None:
    """Captions and negatives as rows: lists of equal length side by side, one text with each of a list.

    None if the lengths say neither.
    """
    if not negatives:
        return [(caption, None) for caption in captions]
    if len(captions) == len(negatives):
        return list(zip(captions, negatives, strict=True))
    if len(captions) == 1:
        return [(captions[0], negative) for negative in negatives]
    if len(negatives) == 1:
        return [(caption, negatives[0]) for caption in captions]
    return None
