"""Batches for training: pictures decoded once, captions tokenised once, padded to the longest of the batch only."""

import warnings
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside
from hairsplit.core.run import number
from hairsplit.core.tables import PairsTable
from hairsplit.core.tensors import Batch
from hairsplit.core.types import Pair
from hairsplit.data._parallel import parallel_map
from hairsplit.data.order import Epoch, arrange
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """One image, one true caption, and up to K hard negatives of it."""

    image: str
    caption: str
    negatives: tuple[str, ...]
    kinds: tuple[str, ...]
    """Kind of each pair that it was made of."""

    @property
    def kind(self) -> str:
        """Kind of its first pair."""
        return self.kinds[0]


def examples(pairs: Sequence[Pair], negatives_per_image: int) -> list[Example]:
    """Join rows of one image and positive caption into examples of up to K negatives, in the table's order."""
    groups: dict[tuple[str, str, int], list[Pair]] = {}
    for row, pair in enumerate(pairs):
        own = -1 if negatives_per_image > 1 else row
        groups.setdefault((pair.image, pair.caption, own), []).append(pair)
    found = []
    for rows in groups.values():
        for start in range(0, len(rows), negatives_per_image):
            part = rows[start : start + negatives_per_image]
            negatives = dict.fromkeys(row.negative for row in part if row.negative is not None)
            kinds = tuple(row.kind for row in part)
            found.append(Example(part[0].image, part[0].caption, tuple(negatives), kinds))
    return found


class PixelStore:
    """Pictures as the encoder sees them, decoded by threads, kept as uint8 while they fit into `megabytes`."""

    def __init__(self, root: Path, preprocess: Preprocess, *, megabytes: int = 2048, threads: int = 2) -> None:
        self._root = root
        self._preprocess = preprocess
        self._kept: dict[str, Pixels] = {}
        self._room = megabytes * 1024 * 1024 // (3 * preprocess.size**2)
        self._threads = max(1, threads)
        self._pool = ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="decode")

    def _load(self, image: str) -> Pixels:
        kept = self._kept.get(image)
        return self._preprocess.cropped(decode(inside(self._root, image))) if kept is None else kept

    def check(self, images: Iterable[str]) -> None:
        """Decode each picture once, with a progress bar, so that none of them stops a run at midnight.

        What there is room for is kept, so that nothing is decoded twice where all of it fits.

        Raises:
            HairsplitError: Names the first picture that is missing, broken or too thin, and how many there are.
        """
        unique = sorted(set(images))
        kept = set(unique[: self._room])

        def problem(image: str) -> str | None:
            try:
                pixels = self._load(image)
            except HairsplitError as error:
                return error.message
            if image in kept:
                self._kept[image] = pixels
            return None

        with warnings.catch_warnings():  # `decode` swaps the filters, which all threads share: see that they come back
            warnings.simplefilter("ignore")
            problems = parallel_map(problem, unique, label="checking pictures", workers=self._threads)
        bad = [(image, reason) for image, reason in zip(unique, problems, strict=True) if reason is not None]
        if bad:
            raise HairsplitError(
                f"{len(bad):,} of {len(unique):,} pictures cannot be used, the first is {bad[0][0]!r}: {bad[0][1]}",
                where=str(self._root),
                hint="fetch them again, or leave their rows out as `hairsplit import` does",
            )

    def pixels(self, images: Sequence[str]) -> Tensor:
        """[B, 3, size, size] float32, normalised.

        Raises:
            HairsplitError: A picture is missing or broken.
        """
        with warnings.catch_warnings():  # as in `check`
            warnings.simplefilter("ignore")
            loaded = list(self._pool.map(self._load, images))
        for name, pixels in zip(images, loaded, strict=True):
            if len(self._kept) < self._room:
                self._kept.setdefault(name, pixels)
        return torch.from_numpy(np.stack([self._preprocess.normalised(pixels) for pixels in loaded]))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class PairBatches:
    """The batches of a pairs table, each a pure function of (seed, epoch, index): resumable anywhere."""

    def __init__(
        self,
        table: PairsTable,
        tokenizer: Tokenizer,
        preprocess: Preprocess,
        *,
        batch_size: int,
        image_keys: Mapping[str, int],
        negatives_per_image: int = 1,
        seed: int = 0,
        kind_weights: Mapping[str, float] | None = None,
        context_length: int = 77,
        threads: int = 2,
        megabytes: int = 2048,
    ) -> None:
        if not table.pairs:
            raise HairsplitError("no pair to train on", where=str(table.path), hint="look at the table's rejects")
        texts = list(dict.fromkeys(t for p in table.pairs for t in (p.caption, p.negative) if t is not None))
        self._ids = dict(zip(texts, tokenizer.ids(texts, context_length), strict=True))
        self._caption_keys = {t: number(0, " ".join(t.lower().split()).rstrip(" .")) for t in texts}
        self.left_out: Counter[str] = Counter()
        """Reason -> pairs that are not trained on."""
        weights = dict(kind_weights or {})
        self.examples = examples(self._usable(table, weights), negatives_per_image)
        self.kinds = Counter(e.kind for e in self.examples)
        self.negatives = max((len(e.negatives) for e in self.examples), default=0)
        self._batch, self._seed = batch_size, seed
        self._image_keys = [image_keys[e.image] for e in self.examples]
        # where an example joins pairs of several kinds, each kind has its say
        self._weights = [sum(weights.get(k, 1.0) for k in e.kinds) / len(e.kinds) for e in self.examples]
        self._store = PixelStore(table.root, preprocess, megabytes=megabytes, threads=threads)
        self._epoch: tuple[int, Epoch] | None = None

    def _usable(self, table: PairsTable, weights: Mapping[str, float]) -> list[Pair]:
        """Pairs to train on; the others are counted in `left_out`."""
        known = sorted({pair.kind for pair in table.pairs})
        if unknown := sorted(set(weights) - set(known)):
            hint = f"kinds in the table: {', '.join(known)}"
            raise HairsplitError(f"no pair is of the kind {unknown[0]!r}", where="kind_weights", hint=hint)
        kept = []
        for pair in table.pairs:
            if weights.get(pair.kind, 1.0) == 0:
                self.left_out[f"weight 0 of the kind {pair.kind}"] += 1
            elif pair.negative is not None and self._ids[pair.negative] == self._ids[pair.caption]:
                self.left_out["caption and negative are the same to the model"] += 1
            else:
                kept.append(pair)
        if not kept:
            reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.left_out.items())
            raise HairsplitError(f"no pair is left to train on ({reasons})", where=str(table.path), hint="add some")
        return kept

    def check_pictures(self) -> None:
        """Decode every picture once; see `PixelStore.check`."""
        self._store.check(e.image for e in self.examples)

    def epoch(self, epoch: int) -> Epoch:
        """The order of an epoch (kept while it is the current one)."""
        if self._epoch is None or self._epoch[0] != epoch:
            made = arrange(self._image_keys, batch=self._batch, seed=self._seed, epoch=epoch, weights=self._weights)
            self._epoch = (epoch, made)
        return self._epoch[1]

    def batch(self, numbers: Iterable[int]) -> Batch:
        """Collate the examples of these numbers."""
        chosen = [int(n) for n in numbers]
        rows = [self.examples[n] for n in chosen]
        negatives = [[self._ids[t] for t in e.negatives] for e in rows]
        width = max((len(ids) for row in negatives for ids in row), default=1)
        negative_ids = torch.zeros(len(rows), self.negatives, width, dtype=torch.int64)
        mask = torch.zeros(len(rows), self.negatives, dtype=torch.bool)
        for b, row in enumerate(negatives):
            for k, ids in enumerate(row):
                negative_ids[b, k, : len(ids)] = torch.tensor(ids)
                mask[b, k] = True
        captions = [self._ids[e.caption] for e in rows]
        caption_ids = torch.zeros(len(rows), max(map(len, captions)), dtype=torch.int64)
        for b, ids in enumerate(captions):
            caption_ids[b, : len(ids)] = torch.tensor(ids)
        return Batch(
            pixels=self._store.pixels([e.image for e in rows]),
            caption_ids=caption_ids,
            negative_ids=negative_ids,
            mask=mask,
            image_keys=torch.tensor([self._image_keys[n] for n in chosen]),
            caption_keys=torch.tensor([self._caption_keys[e.caption] for e in rows]),
            kinds=tuple(e.kind for e in rows),
        )

    def ahead(self, plan: Iterable[Sequence[int]]) -> Generator[Batch, None, None]:
        """Yield the batches of a plan, the next one being made while the current one is used."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch") as pool:
            coming = None
            for numbers in plan:
                following = pool.submit(self.batch, numbers)
                if coming is not None:
                    yield coming.result()
                coming = following
            if coming is not None:
                yield coming.result()

    def close(self) -> None:
        """Stop the decoding threads."""
        self._store.close()
