"""A relation to a thing with an attribute is changed: "... above the red circle." -> "... above the red square."."""

from collections.abc import Iterator

from hairsplit.captions._attributed import attributed
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.captions._orders import DOING, PLACE
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per statement whose object is said with an attribute: that, its noun or the predicate changes."""
    return attributed(facts, context, "object", ("predicate", "noun", "attribute"))


ENTRY = Family(
    generate=generate,
    roles=("predicate", "object", "attribute"),
    worlds=("open", "closed"),
    templates=PLACE + DOING,
    example=("The star is above the red circle.", "The star is below the red circle."),
)
