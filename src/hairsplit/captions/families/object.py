"""Another thing is said to be there or to have the attribute: "The circle is red." -> "The star is red."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import be, said, sentence
from hairsplit.captions._referents import classed, why_not
from hairsplit.captions.form import Exists, Has, Phrase
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.facts import Entity, Facts, Truth

OF_A_THING = ("{x} {be} {attribute}.", "{x} in the picture {be} {attribute}.", "In the picture, {x} {be} {attribute}.")
THERE_IS = ("There is {x}.", "The picture shows {x}.", "{x} can be seen.")


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per thing with a colour or size that another thing of the scene surely lacks.

    In the closed world half of them say instead that there is such a thing, and name a noun that does not occur with
    the attribute: "There is a red circle." -> "There is a red heart.".
    """
    for entity in context.rng.sample(facts.entities, len(facts.entities)):
        for kind, attribute in classed(entity):
            if kind not in {"colour", "size"}:
                continue  # "the window is closed" -> "the door is closed": few nouns share these classes
            closed = facts.world == "closed" and context.rng.random() < 0.5
            make = _there_is if closed else _of_a_thing
            yield make(facts, context, entity, (kind, attribute))


def _of_a_thing(facts: Facts, context: Context, entity: Entity, what: tuple[str, str]) -> Draft | Reject:
    """The attribute is given to another thing of the scene that has a different one of the class."""
    (kind, attribute), rng, where = what, context.rng, facts.scene.image_id
    x = context.names.describe(entity, rng, without=("colour", "size"))
    if x is None:
        return Reject(where, why_not(entity), entity.noun)
    rivals = []
    for other in facts.entities:
        own = other.of_class(kind)
        if other is entity or own is None or facts.attribute(other, attribute).truth is not Truth.FALSE:
            continue
        y = context.names.describe(other, rng, without=("colour", "size"))
        usable = y is not None and y.noun != x.noun and lexicon.usable(y.noun, attribute)
        if y is not None and usable and context.corpus.exchange((x.noun, attribute), (y.noun, own), rng):
            rivals.append((y, other))
    if not rivals:
        return Reject(where, "no thing that surely lacks the attribute", f"{entity.noun} {attribute}")
    rng.shuffle(rivals)
    rivals = rivals[: context.wanted]
    template = rng.choice(OF_A_THING)

    def say(phrase: Phrase) -> str:
        return sentence(template, x=said(phrase), be=be(phrase), attribute=attribute)

    negatives = tuple(Negative(say(y), Has(y, attribute), Edit("subject", x.noun, y.noun)) for y, _ in rivals)
    mentions = (("subject", entity), *(("replacement", other) for _, other in rivals))
    return Draft(say(x), Has(x, attribute), negatives, mentions)


def _there_is(facts: Facts, context: Context, entity: Entity, what: tuple[str, str]) -> Draft | Reject:
    """The noun is replaced by a rival of which no thing in the scene has the attribute."""
    (_, attribute), rng, where = what, context.rng, facts.scene.image_id
    if not lexicon.nameable(entity.noun) or lexicon.number(entity.noun) != "singular":
        return Reject(where, "noun cannot be used in a caption", entity.noun)
    nouns = context.corpus.noun_swaps(entity.noun, attribute, rng, context.wanted)
    if not nouns:
        return Reject(where, "no rival noun, or left out to keep swaps even", f"{entity.noun} {attribute}")
    template = rng.choice(THERE_IS)

    def say(phrase: Phrase) -> str:
        return sentence(template, x=said(phrase))

    x = Phrase(entity.noun, (attribute,), "a")
    others = [Phrase(noun, (attribute,), "a") for noun in nouns]
    negatives = tuple(Negative(say(y), Exists(y), Edit("object", x.noun, y.noun)) for y in others)
    return Draft(say(x), Exists(x), negatives, (("object", entity),))


ENTRY = Family(
    generate=generate,
    roles=("subject", "object"),
    worlds=("open", "closed"),
    templates=OF_A_THING + THERE_IS,
    example=("The circle is red.", "The star is red."),
)
