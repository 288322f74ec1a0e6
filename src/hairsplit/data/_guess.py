"""Which format a file looks like that is not of the one it was said to be."""

import tempfile
from itertools import islice
from pathlib import Path

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Pair
from hairsplit.data.formats import FORMATS
from hairsplit.data.formats._text import Window

SAMPLE_ROWS = 50


def looks_like(path: Path, not_this: str) -> str | None:
    """The format that reads the beginning of the file, if there is one; of several the one that rejects fewest rows."""
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / path.name.removesuffix(".gz")
        try:
            with Window(path) as text:
                sample.write_bytes(text.held())
        except HairsplitError:
            return None
        good = {name: _good_rows(name, sample) for name in FORMATS.names() if name != not_this}
    best = max(sorted(good), key=good.__getitem__, default=None)
    return best if best is not None and good[best] else None


def _good_rows(name: str, sample: Path) -> int:
    """Pairs among the first rows; the sample may be torn behind them."""
    count = 0
    try:
        for row in islice(FORMATS[name].read(sample), SAMPLE_ROWS):
            count += isinstance(row, Pair)
    except Exception:
        return count
    return count
