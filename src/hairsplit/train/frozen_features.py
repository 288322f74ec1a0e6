"""What the frozen steps of a tower make of a picture or a caption: computed once for each, then read.

A feature is a function of the content alone, to the last bit, whatever else is missing beside it: what is missing is
computed in passes of one shape, filled up where too little is left. So a resumed run, whose cache may hold more or less
than the first one's did at that step, has the same numbers, and so has a run that keeps nothing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from hairsplit.core.slot_file import KEY
from hairsplit.core.tensors import Batch
from hairsplit.train.embeddings_cache import Store, padded_key

ROWS, ROWS_OF_A_GPU = 16, 128
"""Pictures or captions of one pass. More of them waste more where little is missing, fewer use a GPU badly."""
LENGTHS = 4
"""Captions of one pass have lengths that round up to the same multiple of this many positions."""

Compute = Callable[[Tensor, Int64[Tensor, " N"]], Tensor]
"""(pixels or ids, read positions) -> features, as `Stages.prefix`."""


@dataclass(frozen=True)
class Passes:
    """How the features of one tower are computed."""

    compute: Compute
    context: Callable[[], AbstractContextManager[object]]
    """Within which: the run's autocast."""
    rows: int
    dtype: torch.dtype
    """In which features are kept; those just computed are rounded to it as well."""
    given: torch.dtype
    """In which they are given on."""

    @torch.no_grad()
    def __call__(self, x: Tensor, at: Int64[Tensor, " N"]) -> Tensor:
        """Features of N pictures or captions on the CPU, in passes of `rows`."""
        made = []
        for start in range(0, len(x), self.rows):
            part, end = x[start : start + self.rows], at[start : start + self.rows]
            few = len(part)
            if few < self.rows:
                part, end = (torch.cat([v, v[-1:].expand(self.rows - few, *v.shape[1:])]) for v in (part, end))
            with self.context():
                made.append(self.compute(part, end)[:few].to("cpu", self.dtype))
        return torch.cat(made)


@dataclass(frozen=True)
class Kept:
    """Features of one shape, kept by key."""

    store: Store
    shape: tuple[int, ...]
    dtype: torch.dtype

    def read(self, keys: Sequence[bytes]) -> tuple[NDArray[np.bool_], Tensor]:
        """Which keys are here, and [keys, *shape], in which the rows of the others hold nothing."""
        raw = np.empty((len(keys), record(self.shape, self.dtype)), np.uint8)
        found = self.store.read(keys, raw)
        return found, torch.from_numpy(raw).view(self.dtype).view(len(keys), *self.shape)

    def obtain(self, keys: Sequence[bytes], compute: Callable[[Tensor], Tensor]) -> Tensor:
        """[keys, *shape] on the CPU; `compute` is given the numbers of the keys that are not here."""
        found, features = self.read(keys)
        missing = np.flatnonzero(~found).tolist()
        if missing:
            made = compute(torch.tensor(missing))
            features[missing] = made
            raw = made.contiguous().view(len(missing), -1).view(torch.uint8).numpy()
            self.store.write([keys[n] for n in missing], raw)
        return features


def record(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    """Bytes of a feature."""
    return int(np.prod(shape)) * dtype.itemsize


class FrozenImages:
    """Features of pictures, by the content keys of their files.

    Args:
        kept: Where.
        passes: How they are computed.
        field: Of `Batch` that holds them where the pictures were not decoded.
    """

    def __init__(
        self, kept: Kept, passes: Passes, field: Literal["image_features", "reference_features"] = "image_features"
    ) -> None:
        self.kept, self.passes, self.field = kept, passes, field

    def __call__(self, batch: Batch) -> Tensor:
        """Features [B, ...] of a batch, on its device."""
        return self._features(batch).to(self.passes.given)

    def _features(self, batch: Batch) -> Tensor:
        given: Tensor | None = getattr(batch, self.field)
        if batch.pixels is None and given is not None:
            return given
        if batch.pixels is None:
            raise ValueError(f"a batch without pixels and without {self.field}")
        pixels, device = batch.pixels, batch.pixels.device
        rows = torch.arange(len(pixels)) if batch.decoded is None else batch.decoded.nonzero().squeeze(1).cpu()
        keys = [padded_key(key) for key in batch.image_keys[rows.to(device)].tolist()]

        def compute(missing: Tensor) -> Tensor:
            x = pixels[rows[missing].to(device)]
            return self.passes(x, torch.zeros(len(x), dtype=torch.int64, device=device))  # read at the class token

        features = self.kept.obtain(keys, compute).to(device)
        return features if given is None else given.index_copy(0, rows.to(device), features)


class KnownPictures:
    """What a batch needs no pixels for; see `data.batches.KnownPictures`. Called by the thread that makes batches.

    Args:
        readers: All that would need the pixels.
    """

    def __init__(self, readers: Sequence[FrozenImages]) -> None:
        self._readers = readers

    def has(self, keys: Sequence[int]) -> NDArray[np.bool_]:
        """Which pictures' features are kept, all of them."""
        named = [padded_key(key) for key in keys]
        known: NDArray[np.bool_] = np.all([reader.kept.store.has(named) for reader in self._readers], axis=0)
        return known

    def fields(self, keys: Sequence[int]) -> tuple[NDArray[np.bool_], dict[str, Tensor]]:
        """Which pictures need not be decoded, and by field of the batch the features that stand for them."""
        named = [padded_key(key) for key in keys]
        read = {reader.field: reader.kept.read(named) for reader in self._readers}
        known = np.all([found for found, _ in read.values()], axis=0)
        return known, {field: features for field, (_, features) in read.items()}


class FrozenCaptions:
    """Features of captions, by their token ids.

    Hidden states are kept in one store per length, rounded up; embeddings in one.

    Args:
        kept: Gives the features of a length in positions.
        passes: How they are computed.
        longest: Positions of the text tower.
        pooled: A feature is one vector, not one per position.
    """

    def __init__(self, kept: Callable[[int], Kept], passes: Passes, *, longest: int, pooled: bool) -> None:
        self._kept, self._passes, self._longest, self._pooled = kept, passes, longest, pooled

    def __call__(self, ids: Int64[Tensor, "N L"], at: Int64[Tensor, " N"]) -> Tensor:
        """Features on the device of `ids`: [N, L, width], or [N, width] where they are pooled.

        Args:
            ids: Different captions, zeros behind the end.
            at: Where each is read, its last position.
        """
        ends, raw = at.cpu().numpy(), ids.cpu().numpy()
        keys = [blake2b(row[: end + 1].tobytes(), digest_size=KEY).digest() for row, end in zip(raw, ends, strict=True)]
        lengths = np.minimum(-(-(ends + 1) // LENGTHS) * LENGTHS, self._longest)
        out: Tensor | None = None
        for length in np.unique(lengths).tolist():
            rows = torch.from_numpy(np.flatnonzero(lengths == length))
            some = pad(ids[:, :length], (0, max(0, length - ids.shape[1])))[rows.to(ids.device)]

            def compute(missing: Tensor, some: Tensor = some, rows: Tensor = rows) -> Tensor:
                return self._passes(some[missing.to(ids.device)], at[rows[missing].to(ids.device)])

            features = self._kept(length).obtain([keys[row] for row in rows.tolist()], compute)
            if not self._pooled:
                features = pad(features[:, : ids.shape[1]], (0, 0, 0, max(0, ids.shape[1] - length)))
            if out is None:
                out = features.new_zeros(len(ids), *features.shape[1:])
            out[rows] = features
        if out is None:
            raise ValueError("no captions")
        return out.to(ids.device, self._passes.given)
