"""Some or no thing is so: "There is at least one circle that is red." -> "There is no circle that is red."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family
from hairsplit.captions._left_out import left_out
from hairsplit.captions._quantified import TEMPLATES, can_be_counted, quantified
from hairsplit.captions._shuffled import shuffled
from hairsplit.captions.form import Exists, Phrase
from hairsplit.core.types import Reject
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import FALSE


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield two drafts per noun and attribute: there is one, and there is none with another attribute of the class.

    Both or neither, so that each quantifier is true as often as it is false.
    """
    rng, where = context.rng, facts.scene.image_id
    seen: set[tuple[str, str]] = set()
    for entity in shuffled(facts.entities, rng):
        noun = entity.noun
        if not can_be_counted(facts, noun):
            yield left_out(where, "noun that cannot be counted")
            continue
        for attribute in entity.swappable.values():
            if (noun, attribute) in seen:
                continue
            seen.add((noun, attribute))
            others = context.corpus.attribute_swaps(noun, attribute, rng, 1)
            if not others:
                yield left_out(where, "left out to keep swaps even")
                continue
            (other,) = others
            if (noun, other) in seen or facts.existing(noun, (other,)).truth is not FALSE:
                yield left_out(where, "no attribute that surely no such thing has")
                continue
            seen.add((noun, other))
            for name, there_is in rng.sample(((attribute, True), (other, False)), 2):
                things = (e for e in facts.called(noun)[0] if not there_is or name in e.attributes)
                form = Exists(Phrase(noun, (name,), "a"))
                yield quantified(context, noun, name, form, tuple(("subject", e) for e in things), there_is=there_is)


ENTRY = Family(
    generate=generate,
    roles=("quantifier",),
    worlds=("closed",),
    templates=TEMPLATES,
    example=("There is at least one circle that is red.", "There is no circle that is red."),
)
