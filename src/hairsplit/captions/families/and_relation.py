"""Of two statements one is falsified, about relations of things."""

from collections.abc import Iterator

from hairsplit.captions._changes import ROLES
from hairsplit.captions._clauses import AND, conjunctions, relation_clauses
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield drafts of two clauses about relations of different things, both true."""
    return conjunctions(relation_clauses(facts, context), context, facts.scene.image_id)


ENTRY = Family(
    generate=generate,
    roles=ROLES,
    worlds=("open", "closed"),
    templates=AND,
    example=(
        "The circle is above the star and the ring is below the heart.",
        "The circle is above the star and the ring is above the heart.",
    ),
)
