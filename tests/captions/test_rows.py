"""Where a row says that it comes from, what differs, and what a mirror makes of it."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.captions import FAMILIES
from hairsplit.captions._rows import differing_spans, mirrored
from hairsplit.captions.form import from_json, judge
from hairsplit.captions.generate import generate
from hairsplit.core.types import Scene
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth
from tests.captions import scenes
from tests.captions.scenes import drawn

words = st.lists(st.sampled_from(["the", "cup", "red", "is", "on"]), min_size=1, max_size=8).map(" ".join)


@given(one=words, two=words)
def test_what_is_outside_of_the_spans_is_the_same_and_what_is_inside_differs(one: str, two: str) -> None:
    (a, b), (c, d) = differing_spans(one, two)
    assert (one[:a].split(), one[b:].split()) == (two[:c].split(), two[d:].split())
    assert 0 <= a <= b <= len(one)
    assert 0 <= c <= d <= len(two)
    assert (one == two) == (a == b and c == d)


def test_spans_cover_whole_words() -> None:
    one, two = "The cup is blue.", "The cup is black."
    (a, b), (c, d) = differing_spans(one, two)
    assert (one[a:b], two[c:d]) == ("blue.", "black.")


@pytest.mark.parametrize("world", ["open", "closed"])
def test_every_row_says_where_it_comes_from(world: str) -> None:
    complete = {s.image_id: s for s in drawn(60)}
    pairs = list(generate(complete.values(), world="closed" if world == "closed" else "open"))
    assert len({p.pair_id for p in pairs}) == len(pairs)
    for p in pairs:
        assert p.edit is not None
        assert p.split == complete[p.image_id].split
        assert None not in {p.caption_form, p.negative_form, p.boxes, p.group_id, p.evidence, p.caption_evidence}
        facts = Facts(complete[p.image_id], "closed" if world == "closed" else "open")
        assert judge(from_json(str(p.caption_form)), facts) == (Truth.TRUE, p.caption_evidence)
        family, number = str(p.template_id).split(":")
        assert family == p.kind
        assert 0 <= int(number) < len(FAMILIES[family].templates)
        assert p.caption_span is not None
        assert p.negative_span is not None
        assert p.caption[slice(*p.caption_span)] != str(p.negative)[slice(*p.negative_span)]
        ids = {t.id for t in complete[p.image_id].things}
        assert {mention["id"] for mention in json.loads(str(p.boxes))} <= ids


def test_flipped_texts_are_true_and_false_of_the_mirrored_scene() -> None:
    originals = {s.image_id: s for s in drawn(120)}
    mirrors: dict[str, Scene] = {key: scenes.mirrored(s) for key, s in originals.items()}
    ours = list(generate(originals.values(), world="closed"))
    theirs = {(p.image_id, p.kind, p.caption, p.negative) for p in generate(mirrors.values(), world="closed")}
    flipped = [p for p in ours if not p.flip_safe]
    assert len(flipped) > 100
    for p in ours:
        assert (p.flip_caption is None) == (p.flip_negative is None) == bool(p.flip_safe)
        texts = (p.caption, p.negative) if p.flip_safe else (p.flip_caption, p.flip_negative)
        assert (p.image_id, p.kind, *texts) in theirs, replace(p, boxes=None)


def test_left_and_right_of_something_else_are_no_directions() -> None:
    form = json.dumps({"op": "attr", "x": {"noun": "left hand", "det": "the"}, "attr": "raised"}, separators=(",", ":"))
    assert mirrored("The left hand is raised.", form) is None
    assert mirrored("The hand is raised.", form) == "The hand is raised."
    beside = '{"op":"rel","s":{},"p":"to the left of","o":{}}'
    assert mirrored("On the left of the cup is the hat.", beside) == "On the right of the cup is the hat."
    assert mirrored("Left of the cup is the hat.", beside) == "Right of the cup is the hat."
    assert mirrored("Left of the cup is the left hand.", beside) is None


PIECES = ("left", "right", "Left", "Right", "bright", "theft", "lefts", "the", "left,", "right.", "")


@given(words=st.lists(st.sampled_from(PIECES), max_size=9))
def test_whole_words_are_exchanged_however_they_stand_side_by_side(words: list[str]) -> None:
    text = " ".join(words)
    other = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    exchanged, found = re.subn(r"\b(?:[Ll]eft|[Rr]ight)\b", lambda match: other[match[0]], text)
    assert mirrored(text, '"p":"to the left of"' * found) == exchanged
    assert mirrored(text, '"p":"to the left of"' * (found + 1)) is None
