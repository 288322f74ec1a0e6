"""ARO's order tests, with shuffles that are the same for everyone: a caption against itself in other orders.

The original draws its shuffles anew in each run, after spaCy's tags, and never released them; so no two papers used the
same options. Here they follow from the image's name, the caption's place and its words alone. Other differences: word
classes come from `_word_classes`; words are cut at spaces; a shuffle that equals the caption, or an option that is
there already, is drawn again, and left out (and counted) if it always does. `data.hash` of a result is over all texts.
"""

import random
import re
from collections.abc import Callable

from hairsplit.core.run import stream
from hairsplit.evaluate.benchmarks._benchmark import Aggregate, Collection, Gathering, Picture, Question, Questions
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._karpathy import captions
from hairsplit.evaluate.benchmarks._word_classes import word_class

VERSION = 1
"""Of the shuffles; a change of any rule here, or of a word list, needs another number."""
MOST_WORDS = 30
TRIES = 20
DROPPED = "shuffles_that_equal_the_caption_or_each_other"
NO_ORDER = "caption_without_another_order"
TIE_RULE = (
    "argmax with the true caption first, so ties are right: so is a shuffle that equals the caption (left out here)"
)
ITEMS_NOTE = "captions; each with up to four shuffles, chance 20 % with all four"
_PUNCTUATION = re.compile(r"[.!\"()*#:;~]")
Words = list[str]
Shuffle = Callable[[Words, random.Random], Words]


def prepared(caption: str) -> str:
    """Lower case, without most punctuation, single spaces, at most 30 words; what ARO calls pre_caption."""
    return " ".join(_PUNCTUATION.sub(" ", caption.lower()).split()[:MOST_WORDS])


def shuffle_nouns_and_adjectives(words: Words, rng: random.Random) -> Words:
    """Nouns among the places of nouns, adjectives among those of adjectives."""
    shuffled = list(words)
    for sort in ("noun", "adjective"):
        _permute(shuffled, [n for n, word in enumerate(words) if word_class(word) == sort], rng)
    return shuffled


def shuffle_all_but_nouns_and_adjectives(words: Words, rng: random.Random) -> Words:
    """The other words among their places."""
    shuffled = list(words)
    _permute(shuffled, [n for n, word in enumerate(words) if word_class(word) == "other"], rng)
    return shuffled


def shuffle_within_trigrams(words: Words, rng: random.Random) -> Words:
    """Each three words among themselves."""
    shuffled = list(words)
    for start in range(0, len(words), 3):
        _permute(shuffled, list(range(start, min(start + 3, len(words)))), rng)
    return shuffled


def shuffle_trigrams(words: Words, rng: random.Random) -> Words:
    """The order of the threes."""
    threes = [words[start : start + 3] for start in range(0, len(words), 3)]
    rng.shuffle(threes)
    return [word for three in threes for word in three]


SHUFFLES: tuple[Shuffle, ...] = (
    shuffle_nouns_and_adjectives,
    shuffle_all_but_nouns_and_adjectives,
    shuffle_within_trigrams,
    shuffle_trigrams,
)


def _permute(words: Words, places: list[int], rng: random.Random) -> None:
    moved = [words[place] for place in places]
    rng.shuffle(moved)
    for place, word in zip(places, moved, strict=True):
        words[place] = word


def options(caption: str, *names: object) -> list[str]:
    """The caption as it is asked, and its shuffles, all different; `names` say whose caption it is."""
    found = [prepared(caption)]
    words = found[0].split()
    for shuffle in SHUFFLES:
        rng = stream(0, "aro order", VERSION, shuffle.__name__, *names, found[0])
        for _ in range(TRIES):
            text = " ".join(shuffle(words, rng))
            if text not in found:
                found.append(text)
                break
    return found


def read_order(folder: Folder, collection: Collection) -> Questions:
    """One item per caption."""
    found = Gathering()
    for _, path in folder:
        seen: dict[str, int] = {}
        for where, image, caption in captions(path):
            place = seen[image] = seen.get(image, -1) + 1
            texts = options(caption, image, place)
            found.counts[DROPPED] += 1 + len(SHUFFLES) - len(texts)
            if len(texts) == 1:
                found.left_out[NO_ORDER] += 1
                continue
            found.add(where, Question(f"{image}/{place}", (Picture(collection.name, image),), tuple(texts), "order"))
    return found.questions()


AGGREGATES = (Aggregate(name="precision@1", published="ARO (one of its four tasks)"),)
