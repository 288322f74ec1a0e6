"""In a relation the subject has another attribute or noun: "The red circle is ..." -> "The blue circle is ..."."""

from collections.abc import Iterator

from hairsplit.captions._attributed import attributed
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.captions._orders import DOING, PLACE
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per statement whose subject is said with an attribute; that or its noun is changed."""
    return attributed(facts, context, "subject", ("attribute", "noun"))


ENTRY = Family(
    generate=generate,
    roles=("attribute", "subject"),
    worlds=("open", "closed"),
    templates=PLACE + DOING,
    example=("The red circle is above the star.", "The blue circle is above the star."),
)
