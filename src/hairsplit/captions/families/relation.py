"""The direction is inverted: "The red circle is to the left of the blue square." -> "... to the right of ..."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._orders import AXES, TEMPLATES, Order, orders, say
from hairsplit.captions.form import Related
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.facts import Facts, Truth


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per pair of things and axis; further negatives name a direction of another axis that is FALSE."""
    rng, where = context.rng, facts.scene.image_id
    for order in orders(facts, context, AXES):
        if isinstance(order, Reject):
            yield order
            continue
        s, p, o, x, y = order
        if not context.corpus.turn(s.noun, p, o.noun, rng):
            yield Reject(where, "left out to keep swaps even", f"{s.noun} {p} {o.noun}")
            continue
        template, row = rng.choice(TEMPLATES), rng.randrange(3)
        negatives = tuple(
            Negative(say(template, x, other, y, row), Related(x, other, y), Edit("predicate", p, other))
            for other in (str(lexicon.inverse(p)), *_across(facts, order))[: context.wanted]
        )
        mentions = (("subject", s), ("object", o))
        yield Draft(say(template, x, p, y, row), Related(x, p, y), negatives, mentions)


def _across(facts: Facts, order: Order) -> list[str]:
    """Directions of the other axis of the picture that surely do not hold, where one of it surely does."""
    axis = AXES[1] if order.predicate in AXES[0] else AXES[0] if order.predicate in AXES[1] else ()
    truths = {p: facts.relation(order.s, p, order.o).truth for p in axis}
    return [p for p, truth in truths.items() if truth is Truth.FALSE and Truth.TRUE in truths.values()]


ENTRY = Family(
    generate=generate,
    roles=("predicate",),
    worlds=("open", "closed"),
    templates=TEMPLATES,
    example=(
        "The red circle is to the left of the blue square.",
        "The red circle is to the right of the blue square.",
    ),
)
