"""Pictures that look the same though their bytes differ: resized, re-encoded, brightened or slightly cropped copies.

Two pictures are taken for copies if their 64-bit perceptual hashes (pHash of the imagehash library: signs of the 8 x 8
lowest DCT coefficients of a 32 x 32 grey copy, against their median; Zauner, "Implementation and Benchmarking of
Perceptual Image Hash Functions", 2010) differ in at most `MOST_BITS` bits and their 16 x 16 colour thumbnails
correlate at `LEAST_CORRELATION` or more. The hash alone would take drawings of equal layout for copies. Measured by
`benchmarks/perceptual_hash.py`; mirrored copies and crops of more than about 3 % of a side are not found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside
from hairsplit.data._parallel import parallel_map

MOST_BITS = 8
"""Of 64. On 5.6 M pairs of different photos (flickr8k) no hash came closer than 10."""
LEAST_CORRELATION = 0.95
BITS = 64
SIDE = 16
"""Side of a thumbnail, pixels."""
_CELLS = 16_000_000
"""Distances computed at once, 4 bytes each."""
_NO_COLOUR = 3.0
"""Largest mean difference between the channels of a grey picture, of 255; JPEG leaves some."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What m pictures look like; those that could not be decoded are left out."""

    names: list[str]
    hashes: NDArray[np.bool_]
    """[m, 64]"""
    thumbnails: NDArray[np.uint8]
    """[m, 16, 16, 3]"""
    unreadable: dict[str, str]
    """Name -> why it could not be decoded."""


def look(picture: Image.Image) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Hash [64] and thumbnail [16, 16, 3] of an upright RGB picture."""
    small = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    return imagehash.phash(picture).hash.reshape(-1), np.asarray(small, np.uint8)


def looks(root: Path, names: Sequence[str], *, workers: int | None = None) -> Looks:
    """Decode each picture once, in threads; about 2 ms for a picture of 256 pixels."""

    def one(name: str) -> tuple[NDArray[np.bool_], NDArray[np.uint8]] | str:
        try:
            return look(decode(inside(root, name)))
        except HairsplitError as error:
            return error.message

    found = parallel_map(one, names, label="looking at pictures", workers=workers)
    seen = [(name, result) for name, result in zip(names, found, strict=True) if not isinstance(result, str)]
    return Looks(
        names=[name for name, _ in seen],
        hashes=np.array([result[0] for _, result in seen], bool).reshape(-1, BITS),
        thumbnails=np.array([result[1] for _, result in seen], np.uint8).reshape(-1, SIDE, SIDE, 3),
        unreadable={name: result for name, result in zip(names, found, strict=True) if isinstance(result, str)},
    )


def near_pairs(
    one: Looks, two: Looks, *, most_bits: int = MOST_BITS, least_correlation: float = LEAST_CORRELATION
) -> list[tuple[int, int, int]]:
    """(place in `one`, place in `two`, differing bits) of all pairs of pictures that look the same, in that order."""
    found: list[tuple[int, int, int]] = []
    if not len(one.names) or not len(two.names):
        return found
    # The bits as -1 and 1: their product is 64 - 2 * distance, so that one matrix product compares all with all.
    signs = two.hashes.astype(np.float32).T * 2 - 1
    step = max(1, _CELLS // len(two.names))
    for start in range(0, len(one.names), step):
        mine = one.hashes[start : start + step].astype(np.float32) * 2 - 1
        bits = np.rint((BITS - mine @ signs) / 2).astype(np.int64)
        for i, j in np.argwhere(bits <= most_bits):
            if correlation(one.thumbnails[start + i], two.thumbnails[j]) >= least_correlation:
                found.append((start + int(i), int(j), int(bits[i, j])))
    return found


def correlation(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> float:
    """Pearson correlation of two thumbnails, in grey if either has no colour.

    Pictures of a single grey level correlate with nothing but their like: 1 if both are of nearly the same, else 0.
    """
    a, b = one.astype(np.float64), two.astype(np.float64)
    if min(_colour(a), _colour(b)) < _NO_COLOUR:
        a, b = a.mean(axis=-1), b.mean(axis=-1)
    a, b = a.ravel(), b.ravel()
    if min(a.std(), b.std()) < 0.5:  # of 255: noise of the encoder
        return float(abs(a - b).max() < 4)
    return float(np.corrcoef(a, b)[0, 1])


def _colour(thumbnail: NDArray[np.float64]) -> float:
    return float(np.ptp(thumbnail, axis=-1).mean())
