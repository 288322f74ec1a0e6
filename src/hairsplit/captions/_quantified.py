"""Sentences that there is at least one thing, or none, of which something is true."""

from hairsplit.captions._family import Context, Draft, Negative
from hairsplit.captions._grammar import sentence
from hairsplit.captions._shuffled import picked
from hairsplit.captions.form import Form, Junction
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts

QUANTIFIERS = ("at least one", "no")
TEMPLATES = (
    "There is {q} {noun} that is {what}.",
    "The picture shows {q} {noun} that is {what}.",
    "{q} {noun} that is {what} can be seen.",
)


def can_be_counted(facts: Facts, noun: str) -> bool:
    """Whether a caption may say that there is no such thing: a singular noun, all of whose things are annotated."""
    return lexicon.nameable(noun) and lexicon.number(noun) == "singular" and facts.is_complete(noun)


def quantified(
    context: Context, noun: str, what: str, form: Form, mentions: tuple[tuple[str, Entity], ...], *, there_is: bool
) -> Draft:
    """That there is at least one <noun> that is <what>, true if `there_is`, against that there is none."""
    template = picked(TEMPLATES, context.rng)
    texts = [sentence(template, q=q, noun=noun, what=what) for q in QUANTIFIERS]
    forms = (form, Junction("not", (form,)))
    true, false = (0, 1) if there_is else (1, 0)
    edit = Edit("quantifier", QUANTIFIERS[true], QUANTIFIERS[false])
    return Draft(texts[true], forms[true], (Negative(texts[false], forms[false], edit),), mentions)
