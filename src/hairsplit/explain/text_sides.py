"""The text's side of explanations, worked out once for each caption however many pictures it stands with."""

from collections import OrderedDict
from dataclasses import dataclass, field

from hairsplit.explain.explainer import Explainer
from hairsplit.explain.lines import Line
from hairsplit.explain.quadrature import Integral
from hairsplit.explain.second_order import factors
from hairsplit.explain.words import Words

MOST = 2048
"""Sides kept: some 200 MB at the width of a ViT-B/32 and 16 tokens."""
_Key = tuple[tuple[int, ...], tuple[int, ...] | None]


@dataclass(frozen=True)
class TextSides:
    """Lines and factors U of captions, those longest unused going first.

    The text's side depends on no picture, and templates write the same pair of captions again and again. What is kept
    is what would be worked out anew: no number changes. Make new ones for another explainer.
    """

    explainer: Explainer
    most: int = MOST
    _kept: OrderedDict[_Key, tuple[Line, Integral]] = field(default_factory=OrderedDict, repr=False, compare=False)

    def side(self, words: Words, reference: Words | None) -> tuple[Line, Integral]:
        """The line from a reference caption (None: the blank one) and its factors; call it within `undisturbed`.

        Raises:
            HairsplitError: The reference has another number of tokens.
        """
        key = _ids(words), None if reference is None else _ids(reference)
        found = self._kept.pop(key, None)
        if found is None:
            line = self.explainer.text_line(words, reference)
            found = line, factors(line)
        self._kept[key] = found
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
        return found


def _ids(words: Words) -> tuple[int, ...]:
    return tuple(token.id for token in words.tokens)
