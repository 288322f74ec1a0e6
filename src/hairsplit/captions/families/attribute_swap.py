"""Two things exchange an attribute: "There is a red circle and a blue square." -> "... a blue circle and a red ..."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import be, said, sentence
from hairsplit.captions._left_out import left_out
from hairsplit.captions._orders import MOST
from hairsplit.captions._referents import why_not
from hairsplit.captions._shuffled import picked, sampled
from hairsplit.captions.form import Exists, Form, Has, Junction, Phrase
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.plausible import usable

OF_THINGS = (
    "{x} {be} {a} and {y} {verb} {b}.",
    "{x} {be} {a}, while {y} {verb} {b}.",
    "In the picture, {x} {be} {a} and {y} {verb} {b}.",
)
THERE_ARE = ("There is {x} and {y}.", "The picture shows {x} and {y}.", "{x} and {y} can be seen.")


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per pair of things of different nouns and class in which they differ.

    In the closed world half of them only say that such things are there; the exchange must then leave one missing.
    """
    rng, where, things = context.rng, facts.scene.image_id, facts.entities
    pairs = [(a, b) for i, a in enumerate(things) for b in things[i + 1 :] if a.noun != b.noun]
    for pair in sampled(pairs, MOST, rng):
        first, second = pair if rng.random() < 0.5 else pair[::-1]
        for kind, a in first.swappable.items():
            b = second.swappable.get(kind)
            if b is None or a == b:
                continue
            if not usable(first.noun, b) or not usable(second.noun, a):
                yield left_out(where, "attribute that does not suit the noun")
            elif not context.corpus.exchange((first.noun, a), (second.noun, b), rng):
                yield left_out(where, "left out to keep swaps even")
            elif facts.world == "closed" and kind in {"colour", "size"} and rng.random() < 0.5:
                yield _there_are(facts, context, (first, a), (second, b))
            else:
                yield _of_things(facts, context, (kind, first, a), (second, b))


def _of_things(facts: Facts, context: Context, one: tuple[str, Entity, str], two: tuple[Entity, str]) -> Draft | Reject:
    (kind, first, a), (second, b) = one, two
    x, y = (context.names.describe(entity, context.rng, without=(kind,)) for entity in (first, second))
    if x is None or y is None:
        entity = first if x is None else second
        return left_out(facts.scene.image_id, why_not(entity))
    template = picked(OF_THINGS, context.rng)

    def say(a: str, b: str) -> str:
        return sentence(template, x=said(x), be=be(x), a=a, y=said(y), verb=be(y), b=b)

    def form(a: str, b: str) -> Form:
        return Junction("and", (Has(x, a), Has(y, b)))

    negative = Negative(say(b, a), form(b, a), Edit("attributes", a, b))
    return Draft(say(a, b), form(a, b), (negative,), (("subject", first), ("object", second)))


def _there_are(facts: Facts, context: Context, one: tuple[Entity, str], two: tuple[Entity, str]) -> Draft | Reject:
    (first, a), (second, b) = one, two
    for entity in (first, second):
        if not lexicon.nameable(entity.noun) or lexicon.number(entity.noun) != "singular":
            return left_out(facts.scene.image_id, "noun cannot be used in a caption")
    template = picked(THERE_ARE, context.rng)

    def phrases(a: str, b: str) -> tuple[Phrase, Phrase]:
        return Phrase(first.noun, (a,), "a"), Phrase(second.noun, (b,), "a")

    def say(a: str, b: str) -> str:
        x, y = phrases(a, b)
        return sentence(template, x=said(x), y=said(y))

    def form(a: str, b: str) -> Form:
        return Junction("and", tuple(map(Exists, phrases(a, b))))

    negative = Negative(say(b, a), form(b, a), Edit("attributes", a, b))
    return Draft(say(a, b), form(a, b), (negative,), (("object", first), ("object", second)))


ENTRY = Family(
    generate=generate,
    roles=("attributes",),
    worlds=("open", "closed"),
    templates=OF_THINGS + THERE_ARE,
    example=("There is a red circle and a blue square.", "There is a blue circle and a red square."),
)
