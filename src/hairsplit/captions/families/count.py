"""The number is one off: "There are two circles." -> "There are three circles."."""

from collections.abc import Iterator

from hairsplit.captions._family import Context, Draft, Family, Negative
from hairsplit.captions._grammar import NUMBERS, sentence
from hairsplit.captions._left_out import left_out
from hairsplit.captions._shuffled import picked, shuffled
from hairsplit.captions.form import Count
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.facts import Facts

TEMPLATES = ("There {be} {n} {noun}.", "The picture shows {n} {noun}.", "{n} {noun} can be seen.")


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield one draft per noun whose number is known; needs the closed world.

    One more or one less by a fair coin, then kept so that n -> m is as frequent as m -> n: no number is a label.
    """
    rng, where = context.rng, facts.scene.image_id
    for noun in shuffled(facts.nouns, rng):
        if not lexicon.nameable(noun) or lexicon.number(noun) != "singular":
            yield left_out(where, "noun cannot be used in a caption")
            continue
        n, most = facts.count(noun)
        if n != most:
            yield left_out(where, "number is not known")
            continue
        others = [n - 1, n + 1] if rng.random() < 0.5 else [n + 1, n - 1]
        others = [m for m in others[: context.wanted] if 1 <= m < len(NUMBERS) and n < len(NUMBERS)]
        kept = [m for m in others if context.corpus.count_swap(noun, n, m, rng)]
        if not kept:
            yield left_out(where, "left out to keep swaps even")
            continue
        template = picked(TEMPLATES, rng)
        negatives = tuple(
            Negative(_say(template, m, noun), Count(noun, m), Edit("count", NUMBERS[n], NUMBERS[m])) for m in kept
        )
        counted = tuple(("object", entity) for entity in facts.called(noun)[0])
        yield Draft(_say(template, n, noun), Count(noun, n), negatives, counted)


def _say(template: str, n: int, noun: str) -> str:
    words = noun if n == 1 else lexicon.plural(noun)
    return sentence(template, be="is" if n == 1 else "are", n=NUMBERS[n], noun=words)


ENTRY = Family(
    generate=generate,
    roles=("count",),
    worlds=("closed",),
    templates=TEMPLATES,
    example=("There are two circles.", "There are three circles."),
)
