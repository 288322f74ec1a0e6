"""Batches for training: pictures decoded once, captions tokenised once, padded to the longest of the batch only."""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsTable
from hairsplit.core.tensors import Batch
from hairsplit.data.examples import Drawn, Example, Examples, balanced, examples
from hairsplit.data.order import Epoch, arrange
from hairsplit.data.pixel_cache import PixelCache
from hairsplit.data.pixels import PixelStore
from hairsplit.data.rows import Coded, Rows, Texts, rows_of
from hairsplit.data.token_ids import TokenIds, caption_key
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer

__all__ = ["Example", "PairBatches", "PixelStore"]

KindWeights = Mapping[str, float] | Literal["balanced"]


class KnownPictures(Protocol):
    """Pictures of which features are kept, so that they need not be decoded; by their content keys."""

    def has(self, keys: Sequence[int]) -> NDArray[np.bool_]:
        """Which are known."""

    def fields(self, keys: Sequence[int]) -> tuple[NDArray[np.bool_], Mapping[str, Tensor]]:
        """Which are known, and by field of `Batch` the features that stand for them, a row for each key."""


class PairBatches:
    """The batches of a pairs table, each a pure function of (seed, epoch, index): resumable anywhere.

    Args:
        table: Pairs and their images root.
        tokenizer: Of the model; all texts are tokenised here, once.
        preprocess: Of the model.
        batch_size: Images of a batch, over all ranks; no image comes twice in one.
        image_keys: Picture -> key of its content; see `leaks.content_keys`.
        negatives_per_image: K, most negatives of an example.
        each: `pairs`: every pair once an epoch, those of one image and caption joined up to K. `images`: every image
            once, with K of its pairs, drawn anew each epoch; see `examples.Drawn`.
        seed: Of order and draw.
        kind_weights: Kind -> how often its pairs are shown, 1 if not named; `balanced`: all kinds equally often.
            A pair's own `weight` multiplies it.
        context_length: Positions of the model's text tower.
        threads: That decode pictures.
        megabytes: Of decoded pictures kept in memory.
        cache: Of decoded pictures on disk; left open.

    Raises:
        HairsplitError: A kind is in no pair, or no pair is left.
    """

    def __init__(
        self,
        table: PairsTable,
        tokenizer: Tokenizer,
        preprocess: Preprocess,
        *,
        batch_size: int,
        image_keys: Mapping[str, int],
        negatives_per_image: int = 1,
        each: Literal["pairs", "images"] = "pairs",
        seed: int = 0,
        kind_weights: KindWeights | None = None,
        context_length: int = 77,
        threads: int = 2,
        megabytes: int = 2048,
        cache: PixelCache | None = None,
    ) -> None:
        rows = rows_of(table)
        if not rows:
            raise HairsplitError("no pair to train on", where=str(table.path), hint="look at the table's rejects")
        self._ids = TokenIds(lambda: map(_alternating, rows.texts()), tokenizer, context_length)
        self.left_out: Counter[str] = Counter()
        """Reason -> pairs that are not trained on."""
        weights = balanced(_counts(rows.kinds)) if kind_weights == "balanced" else dict(kind_weights or {})
        kept = self._usable(table, rows, weights)
        self._captions, self._negatives = self._ids.numbers.reshape(-1, 2)[kept].T
        self._rows = rows = rows if len(kept) == len(rows) else rows.take(kept)
        row_keys = np.array([image_keys[name] for name in rows.images.names], np.int64)[rows.images.codes]
        row_weights = rows.kinds.mapped([weights.get(kind, 1.0) for kind in rows.kinds.names]) * rows.weights
        cut = self._ids.cut[self._captions] | (self._ids.cut[self._negatives] & (self._negatives >= 0))
        self.cut = int(cut.sum())
        """Pairs of which the model reads the beginning only: a text is longer than `context_length`."""
        self._kind_keys = np.array([caption_key(name) for name in rows.kinds.names], np.int64)
        self.kinds = Counter(_counts(rows.kinds))
        """Kind -> pairs that are trained on."""
        self._batch, self._seed = batch_size, seed
        self.examples: Examples | Drawn
        self._weights: NDArray[np.float64] | None = None
        if each == "images":
            self.examples = Drawn(rows, row_keys, row_weights, most=negatives_per_image, seed=seed)
            self._image_keys = self.examples.keys
            self._negatives = _false_for_all(self._negatives, self._captions, row_keys, self._ids.same)
        else:
            self.examples = made = examples(rows, negatives_per_image, rows.images.codes, self._captions)
            self._image_keys = row_keys[made.rows[made.starts[:-1]]]
            # where an example joins pairs of several kinds, each kind has its say
            self._weights = np.add.reduceat(row_weights[made.rows], made.starts[:-1]) / np.diff(made.starts)
        self._row_keys = row_keys
        self.negatives = self._most_negatives(each, negatives_per_image)
        """K: most negatives of an example of this table."""
        self._store = PixelStore(
            table.root, preprocess, megabytes=megabytes, threads=threads, cache=cache, keys=image_keys
        )
        self._epoch: tuple[int, Epoch] | None = None
        self.known: KnownPictures | None = None
        """Pictures that are not to be decoded."""

    def _usable(self, table: PairsTable, rows: Rows, weights: Mapping[str, float]) -> NDArray[np.int64]:
        """Numbers of the pairs to train on; the others are counted in `left_out`."""
        known = rows.kinds.present()
        if unknown := sorted(set(weights) - set(known)):
            hint = f"kinds in the table: {', '.join(known)}"
            raise HairsplitError(f"no pair is of the kind {unknown[0]!r}", where="kind_weights", hint=hint)
        bad = np.flatnonzero(~(np.isfinite(rows.weights) & (rows.weights >= 0)))
        if len(bad):
            image, weight = rows.images.names[rows.images.codes[bad[0]]], rows.weights[bad[0]]
            hint = "a weight is how often the pair is shown: 0 or more"
            raise HairsplitError(f"a pair of {image!r} has weight {weight}", where=str(table.path), hint=hint)
        captions, negatives = self._ids.numbers.reshape(-1, 2).T
        alike = (self._ids.same[captions] == self._ids.same[negatives]) & (negatives >= 0)
        left = np.ones(len(rows), bool)
        reasons = [
            (f"weight 0 of the kind {kind}", rows.kinds.codes == code)
            for code, kind in enumerate(rows.kinds.names)
            if weights.get(kind, 1.0) == 0
        ]
        reasons.append(("weight 0 of the pair", rows.weights == 0))
        reasons.append(("caption and negative are the same to the model", alike))
        for reason, rows_of_it in reasons:
            if count := int((left & rows_of_it).sum()):
                self.left_out[reason] += count
                left &= ~rows_of_it
        if not left.any():
            told = ", ".join(f"{reason}: {count:,}" for reason, count in self.left_out.items())
            raise HairsplitError(f"no pair is left to train on ({told})", where=str(table.path), hint="add some")
        return np.flatnonzero(left)

    def _most_negatives(self, each: Literal["pairs", "images"], k: int) -> int:
        has = self._negatives >= 0
        if k == 1 or not has.any():
            return int(has.any())
        if isinstance(self.examples, Examples):
            groups = (self.examples.of(n) for n in range(len(self.examples)))
            return max(len(self._own_negatives(rows)) for rows in groups)
        _, counts = np.unique(self._row_keys[has], return_counts=True)
        return min(k, int(counts.max()))

    def _own_negatives(self, rows: Sequence[int]) -> dict[int, int]:
        """Number of each different negative of an example -> the first row that has it."""
        found: dict[int, int] = {}
        for row, number in zip(rows, self._negatives[rows].tolist(), strict=True):
            if number >= 0:
                found.setdefault(number, row)
        return found

    def check_pictures(self) -> None:
        """Decode every picture once that is not known yet; see `PixelStore.check`."""
        names = np.array(self._rows.images.present())
        if self.known is not None:
            keys = dict(zip(self._rows.images.codes.tolist(), self._row_keys.tolist(), strict=True))
            by_name = {self._rows.images.names[code]: key for code, key in keys.items()}
            names = names[~self.known.has([by_name[name] for name in names.tolist()])]
        self._store.check(names.tolist())

    def epoch(self, epoch: int) -> Epoch:
        """The order of an epoch (kept while it is the current one)."""
        if self._epoch is None or self._epoch[0] != epoch:
            made = arrange(self._image_keys, batch=self._batch, seed=self._seed, epoch=epoch, weights=self._weights)
            if isinstance(self.examples, Drawn):  # the number of an image says in which epoch it is drawn
                made = Epoch(made.batches + epoch * len(self.examples), made.left_over)
            self._epoch = (epoch, made)
        return self._epoch[1]

    def batch(self, numbers: Iterable[int]) -> Batch:
        """Collate the examples of these numbers."""
        kinds = self._rows.kinds
        rows = [self.examples.of(int(n)) for n in numbers]
        first = [row[0] for row in rows]
        captions = self._captions[first]
        negatives = [self._own_negatives(row) for row in rows]
        mask = torch.zeros(len(rows), self.negatives, dtype=torch.bool)
        for b, own in enumerate(negatives):
            mask[b, : len(own)] = True
        ids = self._ids.padded([n for own in negatives for n in own])
        negative_ids = torch.zeros(*mask.shape, ids.shape[1], dtype=torch.int64)
        negative_ids[mask] = ids
        negative_kinds = torch.zeros(mask.shape, dtype=torch.int64)
        negative_kinds[mask] = torch.from_numpy(
            self._kind_keys[kinds.codes[[r for own in negatives for r in own.values()]]]
        )
        return Batch(
            **self._pictures(first),
            caption_ids=self._ids.padded(captions.tolist()),
            negative_ids=negative_ids,
            mask=mask,
            image_keys=torch.from_numpy(self._row_keys[first]),
            caption_keys=torch.from_numpy(self._ids.keys[captions]),
            kinds=tuple(kinds.names[code] for code in kinds.codes[first].tolist()),
            negative_kinds=negative_kinds,
        )

    def _pictures(self, rows: Sequence[int]) -> dict[str, Any]:
        """The pictures of some rows, and what is known of them, as fields of a batch."""
        names = [self._rows.images.names[code] for code in self._rows.images.codes[rows].tolist()]
        if self.known is None:
            return {"pixels": self._store.pixels(names)}
        known, features = self.known.fields(self._row_keys[rows].tolist())
        if known.all():
            return {"pixels": None, **features}
        made = self._store.pixels([name for name, is_known in zip(names, known, strict=True) if not is_known])
        if not known.any():
            return {"pixels": made}
        decoded = torch.from_numpy(~known)
        pixels = made.new_zeros(len(names), *made.shape[1:])
        pixels[decoded] = made
        return {"pixels": pixels, "decoded": decoded, **features}

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


def _alternating(block: Texts) -> list[str | None]:
    """Caption, negative, caption, ..."""
    return [text for pair in zip(*block, strict=True) for text in pair]


def _counts(column: Coded) -> dict[str, int]:
    """Text -> rows that hold it, of those that some do."""
    counts = np.bincount(column.codes, minlength=len(column.names)).tolist()
    return {name: count for name, count in zip(column.names, counts, strict=True) if count}


def _false_for_all(
    negatives: NDArray[np.int32], captions: NDArray[np.int32], image_keys: NDArray[np.int64], same: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The negatives without (-1) those that are a true caption of their image in another row."""
    image = np.unique(image_keys, return_inverse=True)[1] * len(same)
    true = image + same[captions]
    claimed = image + same[negatives]  # of -1: any text, not looked at
    return np.where((negatives >= 0) & ~np.isin(claimed, true), negatives, np.int32(-1))
