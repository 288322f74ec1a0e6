"""How captions read: counts of words, pairs and triples over all captions, less those of the image in question."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from hairsplit.captions.from_text._sentence import words_of
from hairsplit.core.run import text_hash

BUCKETS = 1 << 22
"""Of each table of counts, whatever the number of captions: 16 MiB. Rare n-grams may share one."""
_WEIGHTS = (0.6, 0.3, 0.1)
"""Of triples, pairs and words in the mixture."""
_SMOOTH, _WORDS = 0.1, 10_000
_ENDS = frozenset(".!?")
ENOUGH = 1_000
"""Captions below which it says nothing that a word pair was never seen."""


def _bucket(words: Sequence[str]) -> int:
    return crc32("\x1f".join(words).encode("utf-8", "surrogatepass")) & (BUCKETS - 1)


def framed(text: str) -> list[str]:
    """The words of a text without its last mark, between two marks of its ends."""
    words = words_of(text)
    while words and words[-1] in _ENDS:
        words.pop()
    return ["<", "<", *words, ">"]


def _ngrams(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """(n - 1, bucket) of each word, pair and triple that ends at a word."""
    for at in range(2, len(words)):
        for n in (1, 2, 3):
            yield n - 1, _bucket(words[at - n + 1 : at + 1])


class Ngrams:
    """Counts over a corpus."""

    def __init__(self) -> None:
        self.counts: NDArray[np.int32] = np.zeros((3, BUCKETS), np.int32)
        self.words = 0
        self.captions = 0

    def add(self, text: str) -> None:
        """Count a caption."""
        words = framed(text)
        for n, bucket in _ngrams(words):
            self.counts[n, bucket] += 1
        self.words += len(words) - 2
        self.captions += 1

    def fingerprint(self) -> str:
        """Hash of what was counted."""
        return text_hash(f"{self.captions} {self.words} {crc32(self.counts.tobytes())}")


class Elsewhere:
    """The counts as they would be without the captions of one image."""

    def __init__(self, corpus: Ngrams, own: Iterable[str]) -> None:
        self._corpus = corpus
        texts = [framed(text) for text in own]
        self._own = Counter(ngram for words in texts for ngram in _ngrams(words))
        self._total = corpus.words - sum(len(words) - 2 for words in texts)
        self.captions = corpus.captions - len(texts)

    def count(self, *words: str) -> int:
        """How often one to three words stand beside each other."""
        key = (len(words) - 1, _bucket(words))
        return int(self._corpus.counts[key]) - self._own[key]

    def log_probability(self, text: str) -> float:
        """Of a text, in nats; a mixture of triples, pairs and words."""
        words = framed(text)
        return sum(math.log(self._probability(words[at - 2 : at + 1])) for at in range(2, len(words)))

    def _probability(self, three: Sequence[str]) -> float:
        a, b, c = three
        one = (self.count(c) + _SMOOTH) / (self._total + _SMOOTH * _WORDS)
        before, pair = self._history(b), self._history(a, b)
        two = self.count(b, c) / before if before else one
        triple = self.count(a, b, c) / pair if pair else two
        return _WEIGHTS[0] * triple + _WEIGHTS[1] * two + _WEIGHTS[2] * one

    def _history(self, *words: str) -> int:
        """How often something follows the words; what stands in front of a caption is not counted as a word."""
        return self.captions if words[-1] == "<" else self.count(*words)
