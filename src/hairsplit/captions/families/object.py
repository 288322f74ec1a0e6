"""Another thing is said to be there or to have the attribute: "The circle is red." -> "The star is red."."""

from collections.abc import Iterator
from functools import partial

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import be, said, sentence
from hairsplit.captions._left_out import left_out
from hairsplit.captions._referents import why_not
from hairsplit.captions._shuffled import picked, shuffled
from hairsplit.captions.form import Exists, Has, Phrase
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.absence import absent_attribute
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.plausible import usable
from hairsplit.scenes.truth import FALSE

OF_A_THING = ("{x} {be} {attribute}.", "{x} in the picture {be} {attribute}.", "In the picture, {x} {be} {attribute}.")
THERE_IS = ("There is {x}.", "The picture shows {x}.", "{x} can be seen.")


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per thing with a colour or size that another thing of the scene surely lacks.

    In the closed world, and in the weak mode, one more per noun and attribute says that there is such a thing, and then
    names a noun that does not occur with the attribute: "There is a red circle." -> "There is a red heart.".
    """
    things = [
        (entity, kind, attribute)
        for entity in facts.entities
        for kind, attribute in entity.swappable.items()
        if kind in {"colour", "size"}  # "the window is closed" -> "the door is closed": few nouns share other classes
    ]
    tasks = [partial(_of_a_thing, facts, context, *thing) for thing in things]
    if facts.world == "closed" or context.weak:
        kinds = dict.fromkeys((entity.noun, attribute) for entity, _, attribute in things)
        tasks += [partial(_there_is, facts, context, *kind) for kind in kinds]
    for task in shuffled(tasks, context.rng):
        yield task()


def _of_a_thing(facts: Facts, context: Context, entity: Entity, kind: str, attribute: str) -> Draft | Reject:
    """The attribute is given to another thing of the scene that has a different one of the class."""
    rng, where = context.rng, facts.scene.image_id
    x = context.names.describe(entity, rng, without=("colour", "size"))
    if x is None:
        return left_out(where, why_not(entity))
    rivals = _lacking(facts, context, entity, x, kind)[: context.wanted]
    if not rivals:
        return left_out(where, "no thing that surely lacks the attribute")
    template = picked(OF_A_THING, rng)

    def say(phrase: Phrase) -> str:
        return sentence(template, x=said(phrase), be=be(phrase), attribute=attribute)

    negatives = tuple(Negative(say(y), Has(y, attribute), Edit("subject", x.noun, y.noun)) for y, _ in rivals)
    mentions = (("subject", entity), *(("replacement", other) for _, other in rivals))
    return Draft(say(x), Has(x, attribute), negatives, mentions)


def _lacking(facts: Facts, context: Context, entity: Entity, x: Phrase, kind: str) -> list[tuple[Phrase, Entity]]:
    """Things that surely lack an attribute, in random order; in the weak mode, then those of unknown colour."""
    rng, attribute = context.rng, entity.swappable[kind]
    proven: list[tuple[Phrase, Entity]] = []
    absent: list[tuple[Phrase, Entity]] = []
    for other in facts.entities:
        own = other.by_class.get(kind)
        sure = own is not None and facts.attribute(other, attribute).truth is FALSE
        # a noun that takes no colour gives none: else "the grass is" would be a sign of a true text
        guessed = own is None and lexicon.has_a_place(entity.noun) and _is_absent(facts, context, other, attribute)
        if other is entity or not (sure or guessed):
            continue
        y = context.names.describe(other, rng, without=("colour", "size"))
        if y is None or y.noun == x.noun or not usable(y.noun, attribute):
            continue
        if own is None:
            if context.corpus.bestow(attribute, x.noun, y.noun, rng):
                absent.append((y, other))
        elif context.corpus.exchange((x.noun, attribute), (y.noun, own), rng):
            proven.append((y, other))
    rng.shuffle(proven)
    rng.shuffle(absent)
    return proven + absent


def _is_absent(facts: Facts, context: Context, thing: Entity, attribute: str) -> bool:
    """Whether to count on a colour's absence; of two sizes or so, each would be right as often as wrong.

    What fills half the picture, grass and sky, has the colour that it always has, and nobody annotates it.
    """
    of_colour = context.weak and lexicon.attribute_class(attribute) == "colour" and lexicon.has_a_place(thing.noun)
    return of_colour and absent_attribute(facts, thing, attribute).truth is FALSE


def _there_is(facts: Facts, context: Context, noun: str, attribute: str) -> Draft | Reject:
    """The noun is replaced by a rival of which no thing in the scene has the attribute."""
    rng, where = context.rng, facts.scene.image_id
    if not lexicon.nameable(noun) or lexicon.number(noun) != "singular":
        return left_out(where, "noun cannot be used in a caption")
    nouns = context.corpus.noun_swaps(noun, attribute, rng, context.wanted)
    if not nouns:
        return left_out(where, "no rival noun, or left out to keep swaps even")
    template = picked(THERE_IS, rng)

    def say(phrase: Phrase) -> str:
        return sentence(template, x=said(phrase))

    x = Phrase(noun, (attribute,), "a")
    others = [Phrase(other, (attribute,), "a") for other in nouns]
    negatives = tuple(Negative(say(y), Exists(y), Edit("object", x.noun, y.noun)) for y in others)
    shown = tuple(("object", e) for e in facts.entities if e.noun == noun and attribute in e.attributes)
    return Draft(say(x), Exists(x), negatives, shown)


ENTRY = Family(
    generate=generate,
    roles=("subject", "object"),
    worlds=("open", "closed"),
    templates=OF_A_THING + THERE_IS,
    example=("The circle is red.", "The star is red."),
)
