"""Defects seeded into pairs: (pair, its graph) -> the defective row, or None where the defect has no place."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hairsplit.core.types import Pair
from tests.captions.checker.pairs import Row
from tests.captions.checker.words import BELOW, LEFT, RIGHT, SAID, plural, singular
from tests.captions.checker.worlds import Raw
from tests.captions.judged import row_of


def form(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


def with_form(row: Row, side: str, change: Callable[[dict[str, Any]], None]) -> Row:
    """The row with the form of one side changed."""
    changed_form = form(getattr(row, f"{side}_form"))
    change(changed_form)
    return replace(row, **{f"{side}_form": json.dumps(changed_form)})


def fewer_with_the_nouns_swapped(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    found = re.fullmatch(r"(.*fewer )(\w+)( than )(\w+)\.", row.caption)
    if not found:
        return None
    swapped = with_form(row, "caption", lambda f: f.update(a=f["b"], b=f["a"]))
    return replace(swapped, caption=f"{found[1]}{found[4]}{found[3]}{found[2]}.")


def fewer_with_the_nouns_swapped_in_the_text_only(pair: Pair, raw: Raw) -> Row | None:
    swapped = fewer_with_the_nouns_swapped(pair, raw)
    return replace(swapped, caption_form=row_of(pair).caption_form) if swapped else None


def singular_after_a_number(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    noun = form(row.negative_form).get("noun") if pair.kind == "count" else None
    if not noun or form(row.negative_form)["n"] == 1 or plural(noun) == noun:
        return None
    return replace(row, negative=row.negative.replace(plural(noun), noun).replace(plural(noun).capitalize(), noun))


def the_same_text_twice(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    return replace(row, negative=row.caption, negative_form=row.caption_form)


def a_subject_swapped_to_the_noun_of_the_object(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    stored = form(row.negative_form)
    if pair.kind not in {"relation", "attribute_relation"} or row.role != "subject" or "attrs" in stored["s"]:
        return None
    s, o = stored["s"]["noun"], stored["o"]["noun"]
    if singular(s) == singular(o):
        return None
    swapped = with_form(row, "negative", lambda f: f["s"].update(noun=o))
    return replace(swapped, negative=re.sub(rf"\b([Tt]he) {s}\b", rf"\1 {o}", row.negative, count=1), after=o)


def the_labels_exchanged(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    sides = {"caption": row.negative, "negative": row.caption, "before": row.after, "after": row.before}
    return replace(row, **sides, caption_form=row.negative_form, negative_form=row.caption_form)


def wrong_agreement(pair: Pair, _: Raw) -> Row | None:
    row, be = row_of(pair), {"is": "are", "are": "is"}
    if re.search(r"sheep|can be seen|\bfish\b|picture shows", row.caption):
        return None
    return replace(row, caption=re.sub(r"\b(is|are)\b", lambda m: be[m[0]], row.caption, count=1))


def wrong_article(pair: Pair, _: Raw) -> Row | None:
    row, other = row_of(pair), {"a": "an", "an": "a", "A": "An", "An": "A"}
    text = re.sub(r"\b(an|a|An|A)\b", lambda m: other[m[0]], row.caption, count=1)
    return replace(row, caption=text) if text != row.caption else None


def an_attribute_that_the_thing_has_too(pair: Pair, raw: Raw) -> Row | None:
    """ "The small red cup is red" -> "... small": both are annotated."""
    row = row_of(pair)
    stored = form(row.caption_form)
    if pair.kind != "attribute":
        return None
    noun, said = stored["x"]["noun"], {stored["attr"], *stored["x"].get("attrs", [])}
    things = [o for o in raw["objects"].values() if o["name"] == noun and said <= set(o["attributes"])]
    others = [a for o in things for a in o["attributes"] if a not in said]
    if not others:
        return None
    text = re.sub(rf"\b{row.after}\.", f"{others[0]}.", row.negative)
    return replace(with_form(row, "negative", lambda f: f.update(attr=others[0])), negative=text, after=others[0])


def a_synonym_of_the_attribute(pair: Pair, _: Raw) -> Row | None:
    row, same = row_of(pair), {"large": "big", "small": "little", "wood": "wooden", "gray": "grey"}
    if pair.kind != "attribute" or row.before not in same:
        return None
    word = same[row.before]
    text = re.sub(rf"\b{row.after}\.", f"{word}.", row.negative)
    return replace(with_form(row, "negative", lambda f: f.update(attr=word)), negative=text, after=word)


def a_synonym_of_the_predicate(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    same = {BELOW: "under", "on": "on top of", "above": "over"}
    if pair.kind != "relation" or row.role != "predicate" or row.before not in same:
        return None
    word = same[row.before]
    text = re.sub(rf"\b{row.before}\b", word, row.caption)
    text = (
        text[0].upper() + text[1:]
        if row.caption.startswith("The")
        else re.sub(rf"^{row.before.capitalize()}", word.capitalize(), row.caption)
    )
    return replace(with_form(row, "negative", lambda f: f.update(p=word)), negative=text, after=word)


def the_converse_of_the_swapped(pair: Pair, _: Raw) -> Row | None:
    """ "a left of b" -> "b right of a", which says the same."""
    row, back = row_of(pair), {LEFT: RIGHT, RIGHT: LEFT, "above": BELOW, BELOW: "above"}
    p = form(row.negative_form).get("p")
    if pair.kind != "role_swap" or p not in back:
        return None
    ways = sorted([p, *(way for way, place in SAID.items() if place == p)], key=len, reverse=True)
    text = row.negative
    for way in ways:
        text, n = re.subn(rf"\b{way}\b", back[p], text, flags=re.IGNORECASE)
        if n:
            break
    return replace(with_form(row, "negative", lambda f: f.update(p=back[p])), negative=text[0].upper() + text[1:])


def no_attribute_where_two_things_need_one(pair: Pair, raw: Raw) -> Row | None:
    """ "The red cup" -> "The cup", of two: only the first is looked at."""
    row = row_of(pair)
    stored = form(row.caption_form)
    x = stored.get("x", {})
    if pair.kind != "attribute" or sum(o["name"] == x["noun"] for o in raw["objects"].values()) < 2 or "attrs" not in x:
        return None
    for side in ("caption", "negative"):
        row = with_form(row, side, lambda f: f["x"].pop("attrs"))
        row = replace(row, **{side: getattr(row, side).replace(" ".join([*x["attrs"], x["noun"]]), x["noun"])})
    return row


def an_id_instead_of_a_name(pair: Pair, raw: Raw) -> Row | None:
    row = row_of(pair)
    ids = {o["name"]: key for key, o in raw["objects"].items()}
    noun = form(row.caption_form).get("x", {}).get("noun")
    if pair.kind != "attribute" or noun not in ids:
        return None
    return with_form(row, "caption", lambda f: f["x"].update(noun=ids[noun]))


def two_edits_at_once(pair: Pair, _: Raw) -> Row | None:
    row, back = row_of(pair), {LEFT: RIGHT, RIGHT: LEFT}
    stored = form(row.negative_form)
    if pair.kind != "attribute_relation" or row.role != "attribute" or stored["p"] not in back:
        return None
    swap = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    text = re.sub(r"\b([Ll]eft|[Rr]ight)\b", lambda m: swap[m[0]], row.negative)
    return replace(with_form(row, "negative", lambda f: f.update(p=back[stored["p"]])), negative=text)


def another_template_for_the_negative(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    if pair.kind != "attribute" or row.caption.startswith("In the") or " in the picture " in row.caption:
        return None
    return replace(row, negative=f"In the picture, {row.negative[0].lower()}{row.negative[1:]}")


def an_edit_told_backwards(pair: Pair, _: Raw) -> Row | None:
    row = row_of(pair)
    return None if row.role in {"roles", "attributes"} else replace(row, before=row.after, after=row.before)


def the_form_of_the_other_side(pair: Pair, _: Raw) -> Row | None:
    return replace(row_of(pair), negative_form=row_of(pair).caption_form)


def no_full_stop(pair: Pair, _: Raw) -> Row | None:
    return replace(row_of(pair), negative=row_of(pair).negative[:-1])


PAIR_MUTANTS: dict[Callable[[Pair, Raw], Row | None], set[str]] = {
    fewer_with_the_nouns_swapped: {"truth"},
    fewer_with_the_nouns_swapped_in_the_text_only: {"form"},
    singular_after_a_number: {"form", "lint"},
    the_same_text_twice: {"truth", "edit"},
    a_subject_swapped_to_the_noun_of_the_object: {"edit"},
    the_labels_exchanged: {"truth"},
    wrong_agreement: {"lint"},
    wrong_article: {"lint"},
    an_attribute_that_the_thing_has_too: {"truth"},
    a_synonym_of_the_attribute: {"truth"},
    a_synonym_of_the_predicate: {"truth", "edit"},
    the_converse_of_the_swapped: {"truth", "edit"},
    no_attribute_where_two_things_need_one: {"referent", "unknown"},
    an_id_instead_of_a_name: {"form"},
    two_edits_at_once: {"edit"},
    another_template_for_the_negative: {"edit"},
    an_edit_told_backwards: {"edit"},
    the_form_of_the_other_side: {"form"},
    no_full_stop: {"form"},
}
