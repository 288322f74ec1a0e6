"""Word order as in ARO (Yuksekgonul et al., ICLR 2023, arXiv:2210.01936): the same words in another order."""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

from hairsplit.captions.from_text._rule import Change
from hairsplit.captions.from_text._sentence import Sentence, Slot
from hairsplit.core.types import Edit

TRIES = 20
_MARK = re.compile(r"[^\w\s]")
Order = list[int]


def shuffled(sentence: Sentence, rng: Random, reorder: Callable[[Sentence, Order, Random], Order]) -> Iterator[Change]:
    """Yield at most one change: the words (marks stay) in an order that reads differently.

    Args:
        sentence: The caption.
        rng: Draws the order.
        reorder: Given the indices of all words, in which order their places are filled; draws.
    """
    places = [i for i, token in enumerate(sentence.tokens) if not _MARK.fullmatch(token.text)]
    said = [_lowered(sentence, i) for i in range(len(sentence.tokens))]
    for _ in range(TRIES):
        order = reorder(sentence, list(places), rng)
        pairs = [
            (place, index)
            for place, index in zip(places, order, strict=True)
            if said[place].lower() != said[index].lower()
        ]
        if pairs:
            slots = tuple(Slot(place, place + 1, said[index]) for place, index in pairs)
            before, after = (" ".join(said[i] for i in chosen) for chosen in zip(*pairs, strict=True))
            yield Change(slots, Edit("order", before, after))
            return


def _lowered(sentence: Sentence, index: int) -> str:
    return sentence.said(index, index + 1)


def among(order: Order, places: Sequence[int], rng: Random) -> Order:
    """An order in which only some places exchange what they hold."""
    moved = list(places)
    rng.shuffle(moved)
    to = dict(zip(places, moved, strict=True))
    return [to.get(index, index) for index in order]


def of_tags(sentence: Sentence, order: Order, *starts: str) -> Order:
    """The words whose class begins so."""
    return [index for index in order if sentence.tokens[index].tag.startswith(starts)]
