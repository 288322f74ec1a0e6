"""Captions tokenised once: the ids of all texts in one array, a text's number instead of the text."""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hairsplit.core.run import number
from hairsplit.encoders.tokens import Tokenizer

Integers = NDArray[np.int64]
_BLOCK = 50_000


class TokenIds:
    """The ids of many texts, cut to `context_length`; a text's number is the place of its first occurrence.

    Texts that are the same to the model share their ids.
    """

    def __init__(self, texts: Iterable[str], tokenizer: Tokenizer, context_length: int) -> None:
        self._numbers: dict[str, int] = {text: n for n, text in enumerate(dict.fromkeys(texts))}
        known: dict[bytes, int] = {}
        blocks: list[NDArray[np.int32]] = []
        lengths: list[int] = []
        same = np.empty(len(self._numbers), np.int64)
        keys = np.empty(len(self._numbers), np.int64)
        cut = np.zeros(len(self._numbers), bool)
        left = iter(self._numbers)
        done = 0
        while block := list(islice(left, _BLOCK)):
            new: list[int] = []
            for at, (text, ids) in enumerate(zip(block, tokenizer.ids(block, context_length), strict=True), done):
                packed = np.array(ids, np.int32).tobytes()
                same[at] = known.setdefault(packed, len(known))
                if len(lengths) < len(known):
                    lengths.append(len(ids))
                    new += ids
                keys[at] = caption_key(text)
                cut[at] = len(ids) == context_length and tokenizer.is_over_long(text, context_length)
            blocks.append(np.array(new, np.int32))
            done += len(block)
        self._ids = np.concatenate([np.empty(0, np.int32), *blocks])
        self._starts = np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)
        self.same, self.keys = same, keys
        """Number of a text -> number of its ids, equal for texts that are the same to the model; and its key."""
        self.cut = cut
        """Number of a text -> whether it is longer than `context_length`."""

    def numbers(self, texts: Iterable[str | None], count: int) -> Integers:
        """The number of each text; -1 for None."""
        return np.fromiter((-1 if t is None else self._numbers[t] for t in texts), np.int64, count)

    def seal(self) -> None:
        """Forget the texts: from now on numbers are asked for."""
        self._numbers = {}

    def padded(self, texts: Sequence[int]) -> Tensor:
        """[texts, longest] int64, zeros behind the end; at least one column."""
        places = self.same[list(texts)] if len(texts) else np.empty(0, np.int64)
        starts, ends = self._starts[places], self._starts[places + 1]
        made = np.zeros((len(texts), int((ends - starts).max(initial=1))), np.int64)
        for row, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            made[row, : end - start] = self._ids[start:end]
        return torch.from_numpy(made)


def caption_key(text: str) -> int:
    """63 bits, equal for captions that differ in case, white space or final full stops only."""
    return number(0, " ".join(text.lower().split()).rstrip(" ."))
