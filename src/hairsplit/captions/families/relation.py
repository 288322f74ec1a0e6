"""A relation is changed in one place: "The circle is to the left of the star." -> "... to the right of the star."."""

from collections.abc import Iterator
from itertools import islice

from hairsplit.captions._changes import ROLES, changes, draft_of
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.captions._left_out import left_out
from hairsplit.captions._orders import DOING, PLACE, statements
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per true statement about two things of which the predicate, subject or object can be changed."""
    for order in statements(facts, context):
        if isinstance(order, Reject):
            yield order
            continue
        found = list(islice(changes(facts, context, order), context.wanted))
        if not found:
            yield left_out(facts.scene.image_id, "no change that is surely false and keeps swaps even")
            continue
        yield draft_of(context, order, found)


ENTRY = Family(
    generate=generate,
    roles=ROLES,
    worlds=("open", "closed"),
    templates=PLACE + DOING,
    example=(
        "The red circle is to the left of the blue square.",
        "The red circle is to the right of the blue square.",
    ),
)
