"""What words say of each other: number, class, exclusion; unknown words rule nothing out and are never swapped.

Everything is hand-written (`_attributes`, `_kinds`, `_nouns`, `_predicates`). Functions are pure; each takes words as
`normal` leaves them.
"""

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from hairsplit.core.run import text_hash
from hairsplit.scenes import _attributes as attributes
from hairsplit.scenes import _kinds as kinds
from hairsplit.scenes import _nouns as nouns
from hairsplit.scenes import _predicates as predicates

Number = Literal["singular", "plural", "mass"]
Match = Literal["yes", "maybe", "no"]

LEXICON_VERSION = "4"
"""Raised by hand with each change of what a word means here; `fingerprint` tells apart all else."""
MATCHES = 200_000
"""Pairs of nouns whose relation is remembered: all of those of a large corpus would take half a gigabyte."""
SOURCES = ("lexicon.py", "_attributes.py", "_kinds.py", "_nouns.py", "_predicates.py")

_SPACES = re.compile(r"[\s_]+")
_PLAIN = re.compile(r"[a-z]+(?:-[a-z]+)?(?: [a-z]+(?:-[a-z]+)?)?")
_SINGULARS = {plural: singular for singular, plural in nouns.IRREGULAR_PLURALS.items()}
_AN = re.compile(r"(?:[aeio]|u(?!ni(?!n)|s[ aeiu]|te|ti|ku|r[aio])|hour|honest|heir)")
_NOT_AN = re.compile(r"(?:eu|one\b|once\b|ewe)")
_PEOPLE = frozenset(kinds.PEOPLE) | kinds.PEOPLE_OF_ANY_KIND
_KINDS = {kind: frozenset(text.split()) for kind, text in kinds.KINDS.items()}
_SAME_THING = {
    word: {other for line in kinds.SAME_THING if word in line.split() for other in line.split()}
    for word in {word for line in kinds.SAME_THING for word in line.split()}
}
_CLASSES = {member: name for name, members in attributes.CLASSES.items() for member in members}


def fingerprint() -> str:
    """Hash of the word lists and rules, for the metadata of what is made with them."""
    here = Path(__file__).parent
    return text_hash("".join((here / name).read_text("utf-8") for name in SOURCES))


@cache
def normal(text: str) -> str:
    """Lower case, trimmed, single spaces."""
    return _SPACES.sub(" ", text).strip().lower()


def head(noun: str) -> str:
    """The last word of a compound: light of traffic light."""
    return noun.rpartition(" ")[2]


@cache
def number(noun: str) -> Number | None:
    """Grammatical number of a noun; None where its spelling does not tell."""
    last = head(noun)
    if last in nouns.MASS:
        return "mass"
    if last in nouns.PLURAL_ONLY:
        return "plural"
    if last in nouns.IRREGULAR_PLURALS or last in nouns.SINGULAR_IN_S:
        return "singular"
    if last in _SINGULARS or last.endswith(("men", "people")):
        return "plural"
    if not last.endswith("s") or last.endswith(("ss", "us", "is")):
        return "singular"
    known = last in nouns.PLURALS_IN_AS_AND_OS
    return "plural" if known or not last.endswith(("as", "os")) else None


@cache
def singular(noun: str) -> str:
    """The singular of a plural noun; others as they are. Wrong guesses only make two nouns seem related."""
    before, space, last = noun.rpartition(" ")
    if last in nouns.PLURAL_ONLY or number(noun) in {"singular", "mass"}:
        return noun
    if last in _SINGULARS:
        last = _SINGULARS[last]
    elif last.endswith("men"):
        last = f"{last[:-3]}man"
    elif last.endswith("ies") and len(last) > 4:
        last = f"{last[:-3]}y"
    elif last.endswith(("ches", "shes", "xes", "sses", "zes")):
        last = last[:-2]
    else:
        last = last.removesuffix("s")
    return before + space + last


@cache
def plural(noun: str) -> str:
    """The plural of a singular noun."""
    before, space, last = noun.rpartition(" ")
    if last in nouns.IRREGULAR_PLURALS:
        last = nouns.IRREGULAR_PLURALS[last]
    elif last.endswith("man"):
        last = f"{last[:-3]}men"
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        last = f"{last}es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = f"{last[:-1]}ies"
    else:
        last = f"{last}s"
    return before + space + last


@cache
def article(phrase: str) -> Literal["a", "an"]:
    """The indefinite article by sound: a uniform, an umbrella, an hour."""
    return "an" if _AN.match(phrase) and not _NOT_AN.match(phrase) else "a"


@cache
def is_person(noun: str) -> bool:
    """Whether a noun names people."""
    last = singular(head(noun))
    return last in _PEOPLE or last.endswith(("man", "woman", "boy", "girl", "person"))


@cache
def is_collective(noun: str) -> bool:
    """Whether a noun names several things at once."""
    return (number(noun) == "plural" and head(noun) not in nouns.PLURAL_ONLY) or head(noun) in nouns.COLLECTIVE


@cache
def nameable(noun: str) -> bool:
    """Whether a caption may speak of "the <noun>": one or two plain words of known number, not vague or collective."""
    if len(noun) < 2 or not nouns.FUNCTION_WORDS.isdisjoint(noun.split(" ")):
        return False
    if _PLAIN.fullmatch(noun) is None or head(noun) in nouns.VAGUE or number(noun) is None or is_collective(noun):
        return False
    return not any(attribute_class(part) or part in attributes.SHADES for part in noun.split(" ")[:-1])


@cache
def has_a_place(noun: str) -> bool:
    """Whether one says that something is left of it: not a part of a body, nor what fills half the picture."""
    last = singular(head(noun))
    return last not in nouns.BODY_PARTS and last not in nouns.STUFF and number(noun) != "mass"


@cache
def is_part(noun: str) -> bool:
    """Whether a noun names a part of an animal or a thing."""
    last = singular(head(noun))
    return last in nouns.BODY_PARTS or last in nouns.PARTS


@lru_cache(maxsize=MATCHES)
def match(noun: str, name: str) -> Match:
    """Whether an object annotated as `name` is a `noun`; "maybe" wherever the words do not rule it out.

    Number does not count: trees may well include the tree one speaks of.
    """
    if noun == name:
        return "yes"
    want, have = singular(head(noun)), singular(head(name))
    collective = is_collective(name)
    if is_person(want) and is_person(have):
        return _match_people(want, have, collective=collective)
    if have in _KINDS.get(want, ()):
        return "maybe" if collective else "yes"
    if want == have or have in nouns.ANYTHING or want in nouns.ANYTHING or want in _KINDS.get(have, ()):
        return "maybe"
    return "maybe" if have in _SAME_THING.get(want, ()) else "no"


def _match_people(want: str, have: str, *, collective: bool) -> Match:
    wanted, known = kinds.PEOPLE.get(want, (None, None)), kinds.PEOPLE.get(have, (None, None))
    if not collective:
        if any(a and b and a != b for a, b in zip(wanted, known, strict=True)):
            return "no"
        if want == "person" or (want in {"child", "kid"} and known[1] == "child" and known[0]):
            return "yes"
    return "maybe"


@cache
def rivals(noun: str) -> tuple[str, ...]:
    """Nouns that exclude this one and may replace it in a negative; sorted, without it."""
    return tuple(sorted({other for line in kinds.RIVALS if noun in line.split() for other in line.split()} - {noun}))


@cache
def attribute(text: str) -> str:
    """The canonical form of an attribute: grey -> gray, big -> large."""
    plain = normal(text)
    return attributes.SYNONYMS.get(plain, plain)


@cache
def attribute_class(name: str) -> str | None:
    """The exclusive class of a canonical attribute that may be swapped; None for all others."""
    return _CLASSES.get(name)


def classes() -> tuple[str, ...]:
    """The exclusive classes of attributes, sorted."""
    return tuple(sorted(attributes.CLASSES))


def members(name: str) -> tuple[str, ...]:
    """The attributes of an exclusive class."""
    return attributes.CLASSES[name]


@cache
def alternatives(name: str) -> tuple[str, ...]:
    """The members of an attribute's class that it rules out, and that may stand for it in a negative."""
    kind = attribute_class(name)
    return tuple(other for other in members(kind) if excludes(name, other)) if kind else ()


@cache
def excludes(annotated: str, asked: str) -> bool:
    """Whether an object annotated with one attribute surely lacks the other."""
    if annotated == asked or attribute_class(asked) is None:
        return False
    if attribute_class(annotated) == attribute_class(asked):
        return {annotated, asked} not in attributes.COMPATIBLE
    may_be = attributes.SHADES.get(annotated)
    return attribute_class(asked) == "colour" and bool(may_be) and asked not in str(may_be).split()


@cache
def near(annotated: str, asked: str) -> bool:
    """Whether an object annotated with one attribute might also be called the other."""
    if {annotated, asked} in attributes.COMPATIBLE:
        return True
    may_be = attributes.SHADES.get(annotated)
    return may_be is not None and attribute_class(asked) == "colour" and (not may_be or asked in may_be.split())


@cache
def loose(annotated: str, asked: str) -> bool:
    """Whether two attributes, exclusive where words are used exactly, are told apart loosely by people."""
    return {annotated, asked} in attributes.LOOSE


@cache
def usable(noun: str, name: str) -> bool:
    """Whether to make the sentence "the <noun> is <attribute>": plausible, and no remark on people's skin or size."""
    kind, last = attribute_class(name), singular(head(noun))
    if kind is None or name in noun.split(" ") or last in nouns.BODY_PARTS:
        return False
    person, animal = is_person(noun), last in _KINDS["animal"]
    if person:
        return kind in attributes.OF_PEOPLE and (kind != "age" or (name != "new" and last not in kinds.CHILDREN))
    if animal:
        return kind in attributes.OF_ANIMALS and name != "new"
    if kind == "posture" or name == "young":
        return False
    return last in attributes.ONLY_OF.get(kind, (last,))


@cache
def predicate(text: str) -> str:
    """The canonical form of a relation: left of -> to the left of."""
    plain = normal(text)
    return predicates.SYNONYMS.get(plain, plain)


@cache
def knows_predicate(text: str) -> bool:
    """Whether a relation is in the word lists; of others only what is annotated is known, and nothing is said."""
    return said_as(predicate(text)) is not None


@cache
def said_as(name: str) -> Literal["place", "doing"] | None:
    """Whether "is <canonical predicate>" says where a thing is or what it does; None if it is not said at all."""
    return "place" if name in predicates.PLACES else "doing" if name in predicates.DOINGS else None


def inverse(name: str) -> str | None:
    """The canonical predicate that holds of (o, s) exactly where this one holds of (s, o) and excludes it of (s, o)."""
    return predicates.INVERSES.get(name)


def asymmetric(name: str) -> bool:
    """Whether a canonical predicate excludes itself in the other direction."""
    return name in predicates.INVERSES or name in predicates.ASYMMETRIC


def functional(name: str) -> int | None:
    """The argument of a canonical predicate that goes with one thing only: 2 for wearing, 1 for of (a part)."""
    return predicates.FUNCTIONAL.get(name)


@cache
def contraries(name: str) -> tuple[str, ...]:
    """Canonical predicates that cannot hold of the same (s, o), besides the inverse."""
    found = {other for pair in predicates.CONTRARIES if name in pair for other in pair} - {name}
    return tuple(sorted(found))


@cache
def overlapping(name: str) -> tuple[str, ...]:
    """Canonical predicates under which the same fact may have been annotated instead."""
    lines = [line for line in predicates.OVERLAPPING if name in line]
    return tuple(sorted({other for line in lines for other in line} - {name, *contraries(name)}))
