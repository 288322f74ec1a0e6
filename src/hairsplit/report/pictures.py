"""Small copies of pictures as data URIs, so that the page stands alone; what cannot be shown is counted by reason."""

import base64
import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside

SIDE = 256
"""Longest side of an embedded picture, pixels: sharp at twice the density of the 128 px and more it is shown at."""
PNG_SIDE = 96
"""Pictures up to this side are kept exactly, as PNG; JPEG would blur the edges of small drawings."""


@dataclass(frozen=True)
class Picture:
    """A data URI and the size of what it holds, pixels; or the reason why there is none."""

    uri: str = ""
    width: int = 0
    height: int = 0
    full_width: int = 0
    full_height: int = 0
    """Of the picture itself, pixels."""
    exact: bool = False
    """Whether every pixel is kept, as of small drawings."""
    problem: str = ""


@dataclass
class Gallery:
    """Decodes each picture once and remembers what failed."""

    missing: Counter[str] = field(default_factory=Counter)
    """Reason -> pictures that could not be shown."""
    _known: dict[tuple[Path, str], Picture] = field(default_factory=dict)

    def picture(self, root: Path, relative: str) -> Picture:
        """The picture `relative` to `root`; never raises for a bad one."""
        key = (root, relative)
        if key not in self._known:
            self._known[key] = self._embed(root, relative)
        return self._known[key]

    def _embed(self, root: Path, relative: str) -> Picture:
        try:
            image = decode(inside(root, relative))
        except HairsplitError as error:
            self.missing[_reason(error.message)] += 1
            return Picture(problem=_reason(error.message))
        return encoded(image)


def _reason(message: str) -> str:
    """One of a few reasons, without the path and the numbers in the message."""
    known = {
        "no such picture": "picture not found",
        "not a picture": "not a picture",
        "broken picture": "broken picture",
        "the image path": "path leaves the images folder",
        "the picture ": "picture too large",
        "the file has": "file too large",
    }
    return next((reason for start, reason in known.items() if message.startswith(start)), "picture not readable")


def encoded(image: Image.Image, side: int = SIDE) -> Picture:
    """A small copy, its longest side at most `side` pixels."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    exact = max(image.size) <= PNG_SIDE
    if exact:
        small.save(buffer, "PNG", optimize=True)
    else:
        small.save(buffer, "JPEG", quality=82, optimize=True, progressive=True)
    kind = "png" if exact else "jpeg"
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/{kind};base64,{text}", small.width, small.height, *image.size, exact)
