"""Two numbers are compared: "There are more circles than squares." -> "There are as many circles as squares."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import sentence
from hairsplit.captions._left_out import left_out
from hairsplit.captions._quantified import can_be_counted
from hairsplit.captions._shuffled import picked
from hairsplit.captions.form import Compare, Comparison
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.facts import Facts

WORDS: dict[Comparison, tuple[str, str]] = {">": ("more", "than"), "<": ("fewer", "than"), "==": ("as many", "as")}
TEMPLATES = (
    "There are {more} {a} {than} {b}.",
    "The picture shows {more} {a} {than} {b}.",
    "In the picture, there are {more} {a} {than} {b}.",
)
MOST = 24
"""Pairs of nouns that are compared in one image."""


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per pair of nouns whose numbers are known.

    As many unequal numbers are said to be equal as equal ones to be unequal; the other unequal ones are turned round.
    """
    rng, where = context.rng, facts.scene.image_id
    nouns = []
    for noun in facts.nouns:
        n, most = facts.count(noun)
        if n == most and n and can_be_counted(facts, noun):
            nouns.append(noun)
        else:
            yield left_out(where, "number is not known")
    pairs = [(a, b) for i, a in enumerate(nouns) for b in nouns[i + 1 :] if _unlike(a, b)]
    pairs = rng.sample(pairs, min(MOST, len(pairs)))
    unequal = [(a, b) for a, b in pairs if facts.count(a) != facts.count(b)]
    equal = [(a, b) for a, b in pairs if facts.count(a) == facts.count(b)]
    both = min(len(unequal), len(equal))
    yield from [left_out(where, "left out to keep swaps even")] * len(equal[both:])
    chosen = [*enumerate(unequal + equal[:both])]
    for number, pair in rng.sample(chosen, len(chosen)):
        a, b = pair if rng.random() < 0.5 else pair[::-1]
        (n, _), (m, _) = facts.count(a), facts.count(b)
        true: Comparison = ">" if n > m else "<" if n < m else "=="
        turned: Comparison = picked((">", "<"), rng) if n == m else "<" if n > m else ">"
        if n != m and number >= both:
            more = (a, b) if n > m else (b, a)
            if not context.corpus.even(context.corpus.more(*more), context.corpus.more(*more[::-1]), rng):
                yield left_out(where, "left out to keep swaps even")
                continue
        yield _draft(facts, context, (a, b), true, turned if n == m or number >= both else "==")


def _draft(facts: Facts, context: Context, nouns: tuple[str, str], true: Comparison, false: Comparison) -> Draft:
    a, b = nouns
    template = picked(TEMPLATES, context.rng)

    def say(cmp: Comparison) -> str:
        more, than = WORDS[cmp]
        return sentence(template, more=more, a=lexicon.plural(a), than=than, b=lexicon.plural(b))

    negative = Negative(say(false), Compare(a, b, false), Edit("quantifier", WORDS[true][0], WORDS[false][0]))
    mentions = tuple(("object", entity) for noun in nouns for entity in facts.called(noun)[0])
    return Draft(say(true), Compare(a, b, true), (negative,), mentions)


def _unlike(a: str, b: str) -> bool:
    return lexicon.match(a, b) == "no" and lexicon.match(b, a) == "no"


ENTRY = Family(
    generate=generate,
    roles=("quantifier",),
    worlds=("closed",),
    templates=TEMPLATES,
    example=("There are more circles than squares.", "There are as many circles as squares."),
)
