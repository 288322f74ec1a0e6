"""Of two statements both or none are true, about relations of things."""

from collections.abc import Iterator

from hairsplit.captions._changes import ROLES
from hairsplit.captions._clauses import XOR, alternatives, relation_clauses
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield drafts of two clauses about relations of different things, exactly one true."""
    return alternatives(relation_clauses(facts, context), context, facts.scene.image_id)


ENTRY = Family(
    generate=generate,
    roles=ROLES,
    worlds=("open", "closed"),
    templates=XOR,
    example=(
        "Either the circle is above the star or the ring is above the heart.",
        "Either the circle is above the star or the ring is below the heart.",
    ),
)
