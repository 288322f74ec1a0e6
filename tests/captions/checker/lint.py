"""What is wrong with the English of a sentence, told from its text and its form."""

import re
from collections.abc import Iterator

from tests.captions.checker import words
from tests.captions.checker.grammar import Form


def complaints(text: str, form: Form) -> Iterator[str]:
    """One line per fault."""
    if not re.fullmatch(r"[A-Z0-9][^\x00-\x1f]*[^ .,]\.", text) or "  " in text or " ," in text:
        yield "no clean sentence: capital, single blanks, full stop"
    plain = text[0].lower() + text[1:-1]
    for a, following in re.findall(r"\b(an?) ([^ ].*?)(?= and | or |$)", plain):
        if a != words.article(following):
            yield f"article: {a} {following}"
    if re.search(r"\b(\w+) \1\b", plain) and not re.search(r"\b(orange) \1\b", plain):
        yield "a word stands twice in a row"
    for phrase in phrases(form):
        if phrase["det"] == "a":
            yield from _indefinite(plain, phrase["noun"])
    yield from _numbers(plain, form)
    yield from _agreement(plain, nouns(form))


def phrases(form: Form) -> Iterator[Form]:
    """Its noun phrases."""
    for key in ("x", "s", "o"):
        if key in form:
            yield form[key]
    for part in form.get("args", []):
        yield from phrases(part)


def nouns(form: Form) -> list[str]:
    """All nouns, in the order of the form."""
    named = [p["noun"] for p in phrases(form)]
    return named + [form[key] for key in ("noun", "a", "b") if isinstance(form.get(key), str)]


def _agreement(plain: str, known: list[str]) -> Iterator[str]:
    """In each clause, "is" or "are" follows the subject, which stands behind it after a place: "left of a is b"."""
    for clause in re.split(r", while |, but not both| and | or ", plain.removeprefix("in the picture, ")):
        be = re.search(r" (is|are) ", clause)
        if not be or clause.startswith("there "):
            continue
        before, after = clause[: be.start()].removeprefix("either "), clause[be.end() :]
        subject = before.removesuffix(" in the picture") if before.startswith("the ") else after
        noun = max((n for n in known if subject.endswith(f" {n}")), key=len, default="")
        if noun and words.is_plural(noun) not in {None, be[1] == "are"}:
            yield f"agreement: {noun} {be[1]}"


def _indefinite(plain: str, noun: str) -> Iterator[str]:
    """ "a grass", "a pants"."""
    found = re.search(rf"\b(an?|one) (?:[a-z-]+ )*?{re.escape(noun)}\b", plain)
    if not found or re.search(r"\b(the|and|or|that)\b", found[0]):
        return
    if words.is_mass(noun):
        yield f"article before a mass noun: {found[0]}"
    elif words.is_plural(noun):
        yield f"article before a plural: {found[0]}"


def _numbers(plain: str, form: Form) -> Iterator[str]:
    for part in form.get("args", []):
        yield from _numbers(plain, part)
    if form["op"] in {"count", "cmpcount"}:
        counted = nouns(form)
        for noun in counted:
            if words.is_mass(noun) or words.is_plural(noun):
                yield f"counted: {noun}"
        one = form["op"] == "count" and form["n"] == 1
        for noun in counted:
            shown = noun if one else words.plural(noun)
            if not re.search(rf"\b{re.escape(shown)}\b", plain):
                yield f"number: no {shown!r}"
        be = re.search(r"\bthere (is|are) ", plain)
        if be and (be[1] == "is") != one:
            yield f"agreement: there {be[1]}"
    be = re.match(r"(?:in the picture, )?there (is|are) (no |at least one |)(.*)", plain)
    if be and form["op"] in {"exists", "not", "rel"}:
        first = next(phrases(form), None)
        many = words.is_plural(first["noun"]) if first else None
        if many is not None and (be[1] == "are") != many:
            yield f"agreement: there {be[1]} {first['noun'] if first else ''}"
    that = re.search(r"\b([a-z-]+) that (is|are) ", plain)
    if that and words.is_plural(that[1]) not in {None, that[2] == "are"}:
        yield f"agreement: {that[0]}"
