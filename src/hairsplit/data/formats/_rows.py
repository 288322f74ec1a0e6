"""What every reader checks of a row: a plain image path, texts that are there, short enough and not the same."""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath, PureWindowsPath

from hairsplit.core.types import Pair, Reject
from hairsplit.data.formats._format import Note, Row

MAX_CHARACTERS = 1000
"""Longer texts are no captions; CLIP reads 77 tokens, about 300 characters."""
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"})
UNNAMED_KIND = "unnamed"
"""Kind of rows that do not say theirs."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def checked(
    where: str,
    *,
    image: str | None,
    caption: str | None,
    negative: str | None,
    kind: str | None,
    source: str,
    image_id: str | None = None,
    needs_negative: bool = True,
    evidence: str | None = None,
    group_id: str | None = None,
) -> Iterator[Row]:
    """Yield the row as a `Pair`, after `Note`s on what was tidied, or as the `Reject` that it deserves.

    Control characters become spaces, outer spaces go. Without `image_id` the image path less its suffix is the id.
    Texts that differ only in case or spacing count as identical: CLIP's tokenizer cannot tell them apart.
    """
    texts: list[str] = []
    notes: list[Note] = []
    for name, text in (("caption", caption), ("negative", negative)):
        if text is None:
            if name == "caption" or needs_negative:
                yield Reject(where, f"missing_{name}")
                return
            continue
        tidy, found = _tidy(text)
        if not tidy:
            yield Reject(where, f"empty_{name}")
            return
        if len(tidy) > MAX_CHARACTERS:
            yield Reject(where, "over_long_text", f"{name} of {len(tidy):,} characters")
            return
        texts.append(tidy)
        notes += [Note(where, what, name) for what in found]
    if len(texts) == 2 and texts[0].lower().split() == texts[1].lower().split():
        yield Reject(where, "identical_texts", texts[0])
        return
    path = plain_path(image or "")
    if path is None:
        yield Reject(where, "bad_image_path", repr(image)) if image else Reject(where, "no_image_name")
        return
    yield from notes
    yield Pair(
        image=path,
        image_id=image_id or without_suffix(path),
        caption=texts[0],
        negative=texts[1] if len(texts) == 2 else None,
        kind=kind_name(kind),
        source=source,
        evidence=evidence,
        group_id=group_id,
    )


def is_clean(caption: str | None, negative: str | None) -> bool:
    """Whether `checked` would keep both texts just as they are: a fast look that says no when in doubt."""
    if not caption or not negative:
        return False
    both = f" {caption} | {negative} "  # each text between plain spaces: two in a row, and one was there before
    return (
        both.isprintable()  # no control characters, and no white space but the plain space
        and "  " not in both
        and len(both) <= MAX_CHARACTERS
        and caption.lower() != negative.lower()
    )


@lru_cache(maxsize=256)
def kind_name(kind: str | None) -> str:
    """The kind without outer spaces, or what stands for none."""
    return (kind or "").strip() or UNNAMED_KIND


def _tidy(text: str) -> tuple[str, list[str]]:
    clean = _CONTROL.sub(" ", text)
    tidy = clean.strip()
    return tidy, ["control_characters"] * (clean != text) + ["stray_spaces"] * (tidy != clean)


@lru_cache(maxsize=256)  # the rows of an image follow each other
def plain_path(image: str) -> str | None:
    """The path in POSIX form, or None if it is empty, absolute, goes up or holds characters no path should."""
    pure = PurePosixPath(image)
    windows = PureWindowsPath(image)
    if pure.is_absolute() or windows.drive or ".." in pure.parts or "\\" in image or _CONTROL.search(image):
        return None
    return str(pure) if pure.parts else None


@lru_cache(maxsize=256)
def without_suffix(image: str) -> str:
    """`val/1.jpg` -> `val/1`; only suffixes of pictures go, so that `photo.v1` stays."""
    pure = PurePosixPath(image)
    return str(pure.with_suffix("")) if pure.suffix.lower() in PICTURE_SUFFIXES else image
