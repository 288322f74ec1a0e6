"""A thing has another attribute of the same class: "The circle is red." -> "The circle is blue."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import be, said, sentence
from hairsplit.captions._shuffled import picked
from hairsplit.captions._swaps import swaps
from hairsplit.captions.form import Has
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes.facts import Facts

TEMPLATES = ("{x} {be} {attribute}.", "{x} in the picture {be} {attribute}.", "In the picture, {x} {be} {attribute}.")


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per thing that can be named without the attribute and attribute that can be swapped."""
    for item in swaps(facts, context, context.wanted):
        if isinstance(item, Reject):
            yield item
            continue
        entity, x, attribute, others = item.entity, item.x, item.attribute, item.others
        template = picked(TEMPLATES, context.rng)

        def say(name: str, x: str = said(x), verb: str = be(x), template: str = template) -> str:
            return sentence(template, x=x, be=verb, attribute=name)

        negatives = (Negative(say(o), Has(x, o), Edit("attribute", attribute, o)) for o in others)
        yield Draft(say(attribute), Has(x, attribute), tuple(negatives), (("subject", entity),))


ENTRY = Family(
    generate=generate,
    roles=("attribute",),
    worlds=("open", "closed"),
    templates=TEMPLATES,
    example=("The circle is red.", "The circle is blue."),
)
