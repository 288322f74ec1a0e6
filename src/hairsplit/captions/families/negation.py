"""The attribute that a thing has is denied: "The circle is not blue." -> "The circle is not red."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import be, said, sentence
from hairsplit.captions._shuffled import picked
from hairsplit.captions._swaps import swaps
from hairsplit.captions.form import Has, Junction, Phrase
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes.facts import Facts

TEMPLATES = (
    "{x} {be} not {attribute}.",
    "{x} in the picture {be} not {attribute}.",
    "In the picture, {x} {be} not {attribute}.",
)


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per thing and attribute of a class: it lacks another of the class, and not its own."""
    for item in swaps(facts, context, 1):
        if isinstance(item, Reject):
            yield item
            continue
        entity, x, attribute, (other,) = item.entity, item.x, item.attribute, item.others
        template = picked(TEMPLATES, context.rng)
        denied = Negative(_say(template, x, attribute), _not(x, attribute), Edit("attribute", other, attribute))
        yield Draft(_say(template, x, other), _not(x, other), (denied,), (("subject", entity),))


def _say(template: str, x: Phrase, attribute: str) -> str:
    return sentence(template, x=said(x), be=be(x), attribute=attribute)


def _not(x: Phrase, attribute: str) -> Junction:
    return Junction("not", (Has(x, attribute),))


ENTRY = Family(
    generate=generate,
    roles=("attribute",),
    worlds=("open", "closed"),
    templates=TEMPLATES,
    example=("The circle is not blue.", "The circle is not red."),
)
