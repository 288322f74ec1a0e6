"""Which format a file looks like that is not of the one it was said to be."""

import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Pair
from hairsplit.core.windows import Window
from hairsplit.data.formats import FORMATS

SAMPLE_ROWS = 50
_BEGINNING = 1 << 16
_OTHERS = (
    ((b'"objects"', b'"relations"'), "scene graphs, of which captions can be made", "hairsplit captions {} ..."),
    ((b'"sentences"', b'"raw"'), "the captions of a retrieval set", "hairsplit evaluate MODEL --on coco_retrieval ..."),
    ((b'"negative_caption"', b'"filename"'), "a file of SugarCrepe", "hairsplit evaluate MODEL --on sugarcrepe ..."),
    ((b'"foil"', b'"caption"'), "a file of VALSE", "hairsplit evaluate MODEL --on valse ..."),
)
"""Words of files that are no annotations of pairs, what such a file is, and what to do with it."""


@dataclass(frozen=True)
class Guess:
    """What a file seems to be, and what to do with it."""

    what: str
    hint: str


def looks_like(path: Path, not_this: str) -> Guess | None:
    """The format that reads the beginning of the file, if there is one; of several the one that reads most pairs."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / path.name.removesuffix(".gz")
        try:
            with Window(path) as text:
                sample.write_bytes(text.held())
                beginning = text.held()[:_BEGINNING]
        except HairsplitError:
            return None
        good = {name: _good_rows(name, sample) for name in FORMATS.names() if name != not_this}
    best = max(sorted(good), key=good.__getitem__, default=None)
    if best is not None and good[best]:
        return Guess(f"a file of the format {best}", f"hairsplit import {best} {path} ...")
    for words, what, hint in _OTHERS:
        if all(word in beginning for word in words):
            return Guess(what, hint.format(path))
    return None


def _good_rows(name: str, sample: Path) -> int:
    """Pairs among the first rows; the sample may be torn behind them."""
    count = 0
    try:
        for row in islice(FORMATS[name].read(sample), SAMPLE_ROWS):
            count += isinstance(row, Pair)
    except Exception:
        return count
    return count
