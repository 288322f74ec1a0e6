"""Subject and object change places: "The circle is above the star." -> "The star is above the circle."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import phrase
from hairsplit.captions._left_out import left_out
from hairsplit.captions._orders import AXES, PLACE, orders, say
from hairsplit.captions._shuffled import below, picked
from hairsplit.captions.form import Related
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.facts import Facts

INSIDE = (("inside", ""),)


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per pair of things and axis; inside only of nouns that are as good a container as content."""
    rng, where = context.rng, facts.scene.image_id
    for order in orders(facts, context, AXES + INSIDE):
        if isinstance(order, Reject):
            yield order
            continue
        s, p, o, x, y = order.s, order.predicate, order.o, order.x, order.y
        if p == "inside" and s.noun != o.noun and o.noun not in lexicon.rivals(s.noun):
            yield left_out(where, "roles that make no sense when swapped")
            continue
        if not context.corpus.turn(s.noun, p, o.noun, rng):
            yield left_out(where, "left out to keep swaps even")
            continue
        template, row = picked(PLACE, rng), below(3, rng)
        swapped = Negative(say(template, y, p, x, row), Related(y, p, x), Edit("roles", phrase(x), phrase(y)))
        mentions = (("subject", s), ("object", o))
        yield Draft(say(template, x, p, y, row), Related(x, p, y), (swapped,), mentions)


ENTRY = Family(
    generate=generate,
    roles=("roles",),
    worlds=("open", "closed"),
    templates=PLACE,
    example=(
        "The red circle is to the left of the blue square.",
        "The blue square is to the left of the red circle.",
    ),
)
