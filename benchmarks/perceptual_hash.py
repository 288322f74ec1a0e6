"""How often the perceptual hash takes different pictures for copies, and how often it finds copies.

Run: python benchmarks/perceptual_hash.py FOLDER_OF_PICTURES
"""

import io
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from hairsplit.core.images import decode
from hairsplit.data.perceptual import LEAST_CORRELATION, MOST_BITS, correlation, look, looks, near_pairs

COPIED = 300


def encoded(picture: Image.Image, quality: int) -> Image.Image:
    """Through JPEG and back."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def shrunk(picture: Image.Image, factor: int) -> Image.Image:
    """Of a fraction of the size."""
    return picture.resize((picture.width // factor, picture.height // factor))


def cropped(picture: Image.Image, share: float) -> Image.Image:
    """Less a share of each side."""
    w, h = picture.size
    return picture.crop((int(w * share), int(h * share), int(w * (1 - share)), int(h * (1 - share))))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda p: shrunk(p, 2),
    "JPEG, quality 30": lambda p: encoded(p, 30),
    "quarter of the size, quality 50": lambda p: encoded(shrunk(p, 4), 50),
    "squeezed to 224 x 224": lambda p: p.resize((224, 224)),
    "grey": lambda p: p.convert("L").convert("RGB"),
    "a fifth brighter": lambda p: p.point(lambda v: min(255, int(v * 1.2))),
    "2 % cropped off each side": lambda p: cropped(p, 0.02),
    "5 % cropped off each side": lambda p: cropped(p, 0.05),
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def main() -> None:
    """Measure both rates and print them."""
    root = Path(sys.argv[1])
    names = sorted(f.relative_to(root).as_posix() for f in root.rglob("*") if f.suffix.lower() in {".jpg", ".png"})
    start = time.perf_counter()
    seen = looks(root, names, workers=1)
    each = (time.perf_counter() - start) / len(names)
    pairs = len(seen.names) * (len(seen.names) - 1) // 2
    near = [(i, j, bits) for i, j, bits in near_pairs(seen, seen, most_bits=12, least_correlation=-1.0) if i < j]
    print(f"{len(seen.names):,} pictures, {1000 * each:.1f} ms each to look at; {pairs:,} pairs of different files")
    for most in (0, 4, MOST_BITS, 10, 12):
        close = [(i, j) for i, j, bits in near if bits <= most]
        alike = sum(correlation(seen.thumbnails[i], seen.thumbnails[j]) >= LEAST_CORRELATION for i, j in close)
        print(f"  at most {most:>2} bits apart: {len(close):>8,} by hash alone, {alike:>6,} with alike thumbnails")
    chosen = random.Random(0).sample(names, min(COPIED, len(names)))  # noqa: S311 - not for secrets
    originals = [decode(root / name) for name in chosen]
    looked = [look(picture) for picture in originals]
    print(f"copies of {len(chosen)} of them found, at most {MOST_BITS} bits and correlation {LEAST_CORRELATION}:")
    for what, copy in COPIES.items():
        found = [
            int((bits != other).sum()) <= MOST_BITS and correlation(small, thumbnail) >= LEAST_CORRELATION
            for picture, (bits, small) in zip(originals, looked, strict=True)
            for other, thumbnail in [look(copy(picture))]
        ]
        print(f"  {what:<34}{100 * np.mean(found):6.1f} %")


if __name__ == "__main__":
    main()
