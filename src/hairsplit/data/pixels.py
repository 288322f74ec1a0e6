"""Pictures as the encoder sees them: decoded by threads, each once where memory or disk can keep it."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside
from hairsplit.data._parallel import parallel_map
from hairsplit.data.pixel_cache import PixelCache
from hairsplit.encoders.preprocess import Preprocess

Pixels = NDArray[np.uint8]


class PixelStore:
    """Pictures as the encoder sees them, decoded by threads, kept as uint8 while they fit into `megabytes`.

    With a `cache`, what it holds is read from there, and what is decoded is added to it, by the content `keys` of the
    pictures (needed then); the pixels are the same, byte for byte. Several stores may share a cache; none closes it.
    """

    def __init__(
        self,
        root: Path,
        preprocess: Preprocess,
        *,
        megabytes: int = 2048,
        threads: int = 2,
        cache: PixelCache | None = None,
        keys: Mapping[str, int] | None = None,
    ) -> None:
        self._root = root
        self._preprocess = preprocess
        self._kept: dict[str, Pixels] = {}
        self._room = megabytes * 1024 * 1024 // (3 * preprocess.size**2)
        self._threads = max(1, threads)
        self._pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="decode")
        self._cache, self._keys = cache, keys or {}

    def _load(self, image: str) -> Pixels:
        kept = self._kept.get(image)
        if kept is not None:
            return kept
        key = self._keys[image] if self._cache is not None else 0
        kept = self._cache.get(key) if self._cache is not None else None
        if kept is None:
            kept = self._preprocess.cropped(decode(inside(self._root, image)))
            on_disk = self._cache is not None and self._cache.put(key, kept)
            if not on_disk and len(self._kept) < self._room:
                self._kept[image] = kept
        return kept

    def check(self, images: Iterable[str]) -> None:
        """Decode each picture once, with a progress bar, so that none of them stops a run at midnight.

        What there is room for is kept, so that nothing is decoded twice where all of it fits.

        Raises:
            HairsplitError: Names the first picture that is missing, broken or too thin, and how many there are.
        """
        unique = sorted(set(images))

        def problem(image: str) -> str | None:
            try:
                self._load(image)
            except HairsplitError as error:
                return error.message
            return None

        problems = parallel_map(problem, unique, label="checking pictures", workers=self._threads)
        bad = [(image, reason) for image, reason in zip(unique, problems, strict=True) if reason is not None]
        if bad:
            raise HairsplitError(
                f"{len(bad):,} of {len(unique):,} pictures cannot be used, the first is {bad[0][0]!r}: {bad[0][1]}",
                where=str(self._root),
                hint="fetch them again, or leave their rows out as `hairsplit import` does",
            )

    def pixels(self, images: Sequence[str]) -> Float32[Tensor, "B 3 size size"]:
        """The pictures, normalised.

        Raises:
            HairsplitError: A picture is missing or broken.
        """
        return torch.from_numpy(np.stack(list(self._pool.map(self._normalised, images))))

    def _normalised(self, image: str) -> NDArray[np.float32]:
        return self._preprocess.normalised(self._load(image))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
