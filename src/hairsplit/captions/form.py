"""Logical forms: the meaning of a caption, as JSON (the meaning of record) and as a truth value under facts."""

import json
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _text
from typing import Any, Literal

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import FALSE, TRUE, UNKNOWN, Truth, Verdict, both, either, opposite

Comparison = Literal["==", ">=", "<=", ">", "<"]
NO_REFERENT = Verdict(Truth.UNKNOWN, "no_unique_referent")
"""The judgement of a sentence whose "the <noun>" fits nothing, or more than one thing."""
PHRASES = 1 << 16
"""Phrases of which the words are remembered: a corpus says most of its phrases again and again."""


class Phrase(msgspec.Struct, frozen=True, gc=False):
    """A noun phrase: "the small red circle" or "a small red circle"."""

    noun: str
    attributes: tuple[str, ...] = ()
    """In the order in which they are said."""
    det: Literal["the", "a"] = "the"


class Has(msgspec.Struct, frozen=True, gc=False):
    """x is attribute."""

    x: Phrase
    attribute: str


class Related(msgspec.Struct, frozen=True, gc=False):
    """s is p o."""

    s: Phrase
    p: str
    o: Phrase


class Exists(msgspec.Struct, frozen=True, gc=False):
    """There is x."""

    x: Phrase


class Count(msgspec.Struct, frozen=True, gc=False):
    """There are n of the noun."""

    noun: str
    n: int
    cmp: Comparison = "=="


class Compare(msgspec.Struct, frozen=True, gc=False):
    """There are more, fewer or as many a as b."""

    a: str
    b: str
    cmp: Comparison


class Junction(msgspec.Struct, frozen=True, gc=False):
    """Negation, conjunction or exclusive disjunction (exactly one) of forms."""

    op: Literal["not", "and", "xor"]
    args: tuple["Form", ...]


Form = Has | Related | Exists | Count | Compare | Junction


def judge(form: Form, facts: Facts) -> Verdict:
    """The truth of a form under facts, in strong Kleene logic; without a unique referent it is UNKNOWN."""
    match form:
        case Related():
            return _related(form.s, form.p, form.o, facts)
        case Has():
            return _has(form.x, form.attribute, facts)
        case Junction():
            return _join(form.op, [judge(arg, facts) for arg in form.args])
        case Exists(x):
            return facts.existing(x.noun, x.attributes)
        case Count(noun, n, cmp):
            return _compare(facts.count(noun), (n, n), cmp, facts.completeness)
        case Compare(a, b, cmp):
            return _compare(facts.count(a), facts.count(b), cmp, facts.completeness)


def _join(op: Literal["not", "and", "xor"], verdicts: list[Verdict]) -> Verdict:
    if op == "and":
        return both(verdicts)
    if op == "not" and len(verdicts) == 1:
        return opposite(verdicts[0])
    if op == "xor" and len(verdicts) == 2:
        return both((either(verdicts), opposite(both(verdicts))))
    raise HairsplitError(f"{op!r} of {len(verdicts)} arguments", where="logical form", hint="not: 1, xor: 2")


def _related(s: Phrase, p: str, o: Phrase, facts: Facts) -> Verdict:
    if s.det != "the":
        return _of_some(s, facts, lambda subject: _to(subject, p, o, facts))
    subject = facts.referent(s.noun, s.attributes)
    return NO_REFERENT if subject is None else _claimed(s, subject, facts, _to(subject, p, o, facts))


def _has(x: Phrase, attribute: str, facts: Facts) -> Verdict:
    if x.det != "the":
        return _of_some(x, facts, lambda thing: facts.attribute(thing, attribute))
    thing = facts.referent(x.noun, x.attributes)
    return NO_REFERENT if thing is None else _claimed(x, thing, facts, facts.attribute(thing, attribute))


def _to(subject: Entity, p: str, o: Phrase, facts: Facts) -> Verdict:
    """Whether a thing is p o."""
    if o.det != "the":
        return _of_some(o, facts, lambda thing: facts.relation(subject, p, thing))
    thing = facts.referent(o.noun, o.attributes)
    return NO_REFERENT if thing is None else _claimed(o, thing, facts, facts.relation(subject, p, thing))


def _claimed(x: Phrase, thing: Entity, facts: Facts, verdict: Verdict) -> Verdict:
    """A verdict on a thing, and that it has the attributes that it is said with."""
    if not x.attributes:
        return verdict
    return both([*[facts.attribute(thing, a) for a in x.attributes], verdict])


def _of_some(x: Phrase, facts: Facts, claim: Callable[[Entity], Verdict]) -> Verdict:
    """`claim` of some such thing."""
    sure, maybe = facts.called(x.noun)
    found = [_claimed(x, e, facts, claim(e)) for e in sure + maybe]
    if any(v.truth is TRUE for v in found[: len(sure)]):
        return Verdict(TRUE, "annotated")
    if facts.is_complete(x.noun) and all(v.truth is FALSE for v in found):
        return Verdict(FALSE, facts.completeness)
    return UNKNOWN


def _compare(a: tuple[int, int | None], b: tuple[int, int | None], cmp: Comparison, completeness: str) -> Verdict:
    """Compare two numbers of which only bounds may be known."""
    (low, high), (least, most) = a, b
    below = high is not None and high < least  # a < b for sure, and so on
    above = most is not None and low > most
    not_above = high is not None and high <= least
    not_below = most is not None and low >= most
    true, false = {
        "<": (below, not_below),
        ">": (above, not_above),
        "<=": (not_above, above),
        ">=": (not_below, below),
        "==": (not_above and not_below, below or above),
    }[cmp]
    evidence = completeness if high is not None and most is not None else "count_bound"
    return Verdict(TRUE, evidence) if true else Verdict(FALSE, evidence) if false else UNKNOWN


def to_json(form: Form) -> str:
    """A form as JSON, the same text for the same form."""
    match form:  # the frequent kinds without patterns, which look each field up by its name
        case Related():
            return f'{{"op":"rel","s":{_phrase(form.s)},"p":{_text(form.p)},"o":{_phrase(form.o)}}}'
        case Has():
            return f'{{"op":"attr","x":{_phrase(form.x)},"attr":{_text(form.attribute)}}}'
        case Exists(x):
            return f'{{"op":"exists","x":{_phrase(x)}}}'
        case Count(noun, n, cmp):
            return f'{{"op":"count","noun":{_text(noun)},"cmp":"{cmp}","n":{n}}}'
        case Compare(a, b, cmp):
            return f'{{"op":"cmpcount","a":{_text(a)},"b":{_text(b)},"cmp":"{cmp}"}}'
        case Junction():
            return f'{{"op":"{form.op}","args":[{",".join(map(to_json, form.args))}]}}'


@lru_cache(maxsize=PHRASES)
def _phrase(x: Phrase) -> str:
    attributes = f',"attrs":[{",".join(map(_text, x.attributes))}]' if x.attributes else ""
    return f'{{"noun":{_text(x.noun)},"det":"{x.det}"{attributes}}}'


def from_json(text: str) -> Form:
    """The form that `to_json` wrote.

    Raises:
        HairsplitError: It is not a logical form.
    """
    try:
        return _form(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise HairsplitError(f"not a logical form ({error}): {text}", where="logical form") from None


def _form(tree: dict[str, Any]) -> Form:
    match tree["op"]:
        case "attr":
            return Has(_noun_phrase(tree["x"]), tree["attr"])
        case "rel":
            return Related(_noun_phrase(tree["s"]), tree["p"], _noun_phrase(tree["o"]))
        case "exists":
            return Exists(_noun_phrase(tree["x"]))
        case "count":
            return Count(tree["noun"], tree["n"], tree["cmp"])
        case "cmpcount":
            return Compare(tree["a"], tree["b"], tree["cmp"])
        case "not" | "and" | "xor" as op:
            return Junction(op, tuple(_form(arg) for arg in tree["args"]))
    raise ValueError(f"unknown operator {tree['op']!r}")


def _noun_phrase(tree: dict[str, Any]) -> Phrase:
    return Phrase(tree["noun"], tuple(tree.get("attrs", ())), tree["det"])
