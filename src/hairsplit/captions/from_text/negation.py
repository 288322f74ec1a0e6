"""What is denied: a dog is running -> a dog is not running; and a dog is not sleeping -> a dog is sleeping.

Two shapes, by the toss of a coin, so that "not" stands as often in true texts as in false ones: the caption against
its denial, or the denial of something else (true, since it excludes what the caption says) against that. Only captions
that could give both are used.
"""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.from_text import _verbs as verbs
from hairsplit.captions.from_text._rule import Change, Rule, Sort
from hairsplit.captions.from_text._sentence import Sentence, Slot, plain
from hairsplit.captions.from_text.replace_relation import free
from hairsplit.core.types import Edit


def propose(sentence: Sentence, rng: Random) -> Iterator[Change]:
    """Yield a change per verb that excludes the one of "X is -ing"."""
    subject = next(iter(sentence.phrases), None)
    if subject is None or subject.start != 0 or subject.joined or sentence.word(subject.end) not in {"is", "are"}:
        return
    index = subject.end + 1
    verb = sentence.word(index)
    base = verbs.BASE_OF.get(verb)
    if base is None or verb not in verbs.ING or not plain(sentence, index) or sentence.has(frozenset(["and", "not"])):
        return
    if not free(sentence, index):
        return
    be = sentence.word(subject.end)
    one = "" if subject.plural else sentence.noun(subject)
    denies = rng.random() < 0.5
    for other in verbs.rivals(base):
        said = verbs.FORMS[other][2]
        news: tuple[tuple[Sort, str], ...] = (("verb", other),)
        if denies:
            slot = Slot(index, index + 1, f"not {verb}")
            yield Change((slot,), Edit("negation", f"{be} {verb}", f"{be} not {verb}"), news, one=one)
        else:
            true, false = Slot(index, index + 1, f"not {said}"), Slot(index, index + 1, said)
            edit = Edit("negation", f"{be} not {said}", f"{be} {said}")
            yield Change((false,), edit, news, one=one, premise=(true,))


ENTRY = Rule(propose=propose, example=("a dog is not sleeping", "a dog is sleeping"))
