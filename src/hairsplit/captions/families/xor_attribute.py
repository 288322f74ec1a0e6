"""Of two statements both or none are true, about attributes of things."""

from collections.abc import Iterator

from hairsplit.captions._clauses import XOR, alternatives, attribute_clauses
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield drafts of two clauses about attributes of different things, exactly one true."""
    return alternatives(attribute_clauses(facts, context), context, facts.scene.image_id)


ENTRY = Family(
    generate=generate,
    roles=("attribute",),
    worlds=("open", "closed"),
    templates=XOR,
    example=(
        "Either the circle is red or the square is green.",
        "Either the circle is red or the square is blue.",
    ),
)
