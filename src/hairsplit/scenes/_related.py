"""Which nouns may name the same thing: a quick look before `lexicon.match`, which most pairs of nouns do not pass."""

from functools import cache

from hairsplit.scenes import _kinds as kinds
from hairsplit.scenes import _nouns as nouns
from hairsplit.scenes import lexicon

_KINDS = {kind: frozenset(text.split()) for kind, text in kinds.KINDS.items()}
_SAME_THING = tuple(frozenset(line.split()) for line in kinds.SAME_THING)


@cache
def root(noun: str) -> str:
    """What relations between nouns are told by: its last word, singular."""
    return lexicon.singular(lexicon.head(noun))


@cache
def is_person(noun: str) -> bool:
    """Whether its root names people."""
    return lexicon.is_person(root(noun))


@cache
def related(noun: str) -> frozenset[str] | None:
    """Roots of the names that do not rule a `noun` out; None for any. People never rule people out by this alone."""
    want = root(noun)
    if want in nouns.ANYTHING:
        return None
    found = {want, *nouns.ANYTHING, *_KINDS.get(want, ())}
    found.update(kind for kind, members in _KINDS.items() if want in members)
    found.update(*(line for line in _SAME_THING if want in line))
    return frozenset(found)
