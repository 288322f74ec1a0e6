"""Captions tokenised once: the ids of all texts in one array, a text's number instead of the text."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hairsplit.core.run import number
from hairsplit.encoders.tokens import Tokenizer

Integers = NDArray[np.int64]
Numbers = NDArray[np.int32]
Blocks = Iterable[Sequence[str | None]]


class TokenIds:
    """The ids of many texts, cut to `context_length`; equal texts have one number, in order of their first occurrence.

    The texts themselves are never in memory together: what is kept of each is 16 bytes of hash while it is numbered,
    and then its ids. No two of 16 million texts have one such hash by chance (odds below 1e-24).

    Args:
        texts: Called twice, gives the texts in blocks, each time the same ones; None where there is none.
        tokenizer: Of the model.
        context_length: Most positions of a text.
    """

    def __init__(self, texts: Callable[[], Blocks], tokenizer: Tokenizer, context_length: int) -> None:
        self.numbers, first = _numbered(_digests(texts()))
        """For each text given, its number; -1 for None."""
        count = len(first)
        self.keys = np.empty(count, np.int64)
        """Number of a text -> its key."""
        self.cut = np.zeros(count, bool)
        """Number of a text -> whether it is longer than `context_length`."""
        self._starts = np.zeros(count + 1, np.int64)
        hashes = np.empty((count, 2), np.uint64)
        packed, kind = bytearray(), np.min_scalar_type(tokenizer.eos)  # the end token is the last one
        done = 0
        for block in _chosen(texts(), first):
            rows = tokenizer.ids(block, context_length)
            for at, (text, ids) in enumerate(zip(block, rows, strict=True), done):
                self.keys[at] = caption_key(text)
                self.cut[at] = len(ids) == context_length and tokenizer.is_over_long(text, context_length)
            packed += np.array([one for ids in rows for one in ids], kind).tobytes()
            end = done + len(rows)
            self._starts[done + 1 : end + 1] = [len(ids) for ids in rows]
            hashes[done:end] = _pairs(_digest(np.array(ids, kind).tobytes()) for ids in rows)
            done = end
        np.cumsum(self._starts, out=self._starts)
        self._ids = np.frombuffer(packed, kind)
        self.same, _ = _numbered(hashes)
        """Number of a text -> the same for all texts that are the same to the model."""

    def padded(self, texts: Sequence[int]) -> Tensor:
        """[texts, longest] int64, zeros behind the end; at least one column."""
        places = np.array(texts, np.int64)
        starts, ends = self._starts[places], self._starts[places + 1]
        made = np.zeros((len(texts), int((ends - starts).max(initial=1))), np.int64)
        for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            made[row, : end - start] = self._ids[start:end]
        return torch.from_numpy(made)


def caption_key(text: str) -> int:
    """63 bits, equal for captions that differ in case, white space or final full stops only."""
    return number(0, " ".join(text.lower().split()).rstrip(" ."))


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _pairs(digests: Iterable[bytes]) -> NDArray[np.uint64]:
    """Digests of 16 bytes as numbers, [digests, 2]."""
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


def _digests(blocks: Blocks) -> NDArray[np.uint64]:
    """[texts, 2]; zeros for None."""
    joined = bytearray()  # grows in its place, where blocks to be joined would take the memory twice
    for block in blocks:
        joined += b"".join(map(_text_digest, block))
    return np.frombuffer(joined, np.uint64).reshape(-1, 2)


def _text_digest(text: str | None) -> bytes:
    return bytes(16) if text is None else _digest(text.encode("utf-8", "surrogatepass"))


def _numbered(digests: NDArray[np.uint64]) -> tuple[Numbers, Integers]:
    """A number for each row: equal for equal rows, in order of first places, -1 for zeros. And the first places."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    changes = np.ones(len(order), bool)
    changes[1:] = digests[order[1:], 0] != digests[order[:-1], 0]
    changes[1:] |= digests[order[1:], 1] != digests[order[:-1], 1]
    group = np.empty(len(order), np.int32)
    group[order] = np.cumsum(changes, dtype=np.int32) - 1
    first = order[changes]  # the sort is stable
    is_text = digests[first].any(axis=1)
    rank = np.full(len(first), -1, np.int32)
    rank[np.flatnonzero(is_text)[np.argsort(first[is_text])]] = np.arange(is_text.sum(), dtype=np.int32)
    return rank[group], np.sort(first[is_text])


def _chosen(blocks: Blocks, places: Integers) -> Iterator[list[str]]:
    """The texts at these places, which ascend."""
    start = 0
    for block in blocks:
        mine = places[np.searchsorted(places, start) : np.searchsorted(places, start + len(block))] - start
        yield [text for text in (block[place] for place in mine.tolist()) if text is not None]
        start += len(block)
