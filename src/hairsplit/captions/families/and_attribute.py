"""Of two statements one is falsified, about attributes of things."""

from collections.abc import Iterator

from hairsplit.captions._clauses import AND, attribute_clauses, conjunctions
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield drafts of two clauses about attributes of different things, both true."""
    return conjunctions(attribute_clauses(facts, context), context, facts.scene.image_id)


ENTRY = Family(
    generate=generate,
    roles=("attribute",),
    worlds=("open", "closed"),
    templates=AND,
    example=(
        "The circle is red and the square is blue.",
        "The circle is red and the square is green.",
    ),
)
