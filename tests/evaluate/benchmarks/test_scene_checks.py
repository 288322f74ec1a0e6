"""Captions of drawn scenes are true and false by an independent reader of words and boxes."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hairsplit.core.run import stream
from hairsplit.core.types import Box, Scene, Thing
from hairsplit.evaluate.benchmarks._scene_checks import CHECKS, captions_of, is_drawn, mirrored
from hairsplit.scenes.drawing.render import OVERSAMPLING, mask
from hairsplit.scenes.drawing.sample import SHAPES, DrawnWorld, scene
from hairsplit.scenes.facts import Facts
from tests.evaluate.benchmarks.told_scenes import CONVERSE, Graph, reflected, truth

SCENES = [scene(DrawnWorld(size=48), 3, f"s{n}", "test") for n in range(150)]
RED = Thing("0", "circle", Box(4, 20, 10, 10), ("red", "small"))


def told(kind: str, one: Scene) -> tuple[str, ...] | str:
    facts = Facts(one, "closed"), Facts(mirrored(one), "closed")
    found = captions_of(kind, *facts, stream(0, one.image_id, kind))
    return found if isinstance(found, str) else tuple(said.text for said in found)


def graph_of(one: Scene) -> Graph:
    things = {t.id: {"name": t.name, "attributes": t.attributes, **vars(t.box)} for t in one.things}
    return {"width": one.width, "height": one.height, "objects": things}


def asked(kind: str) -> list[tuple[Scene, tuple[str, ...]]]:
    return [(one, texts) for one in SCENES if not isinstance(texts := told(kind, one), str)]


@pytest.mark.parametrize("kind", CHECKS)
def test_captions_are_true_and_false_by_words_and_boxes(kind: str) -> None:
    items = asked(kind)
    assert len(items) > 70
    for one, texts in items:
        graph = graph_of(one)
        if kind == "mirror":
            assert [truth(text, graph) for text in texts] == [True, False], (one.image_id, texts)
            assert [truth(text, reflected(graph)) for text in texts] == [False, True], (one.image_id, texts)
        else:
            wanted = [True, True] + [False] * (len(texts) - 2)
            assert [truth(text, graph) for text in texts] == wanted, (one.image_id, texts)


@pytest.mark.parametrize("kind", CHECKS)
def test_a_scene_that_gives_no_item_says_why(kind: str) -> None:
    why_not = Counter(texts for one in SCENES if isinstance(texts := told(kind, one), str))
    assert set(why_not) <= {"no_such_fact", "no_captions_that_can_be_proved"}
    alone = Scene("alone", 48, 48, (RED,), split="test")
    if kind in {"paraphrase_relation", "half_truth_thing", "half_truth_relation", "mirror"}:
        assert told(kind, alone) == "no_such_fact"
    twins = replace(alone, things=(RED, replace(RED, id="1", box=Box(30, 20, 10, 10))))
    if kind in {"paraphrase_relation", "negation_attribute", "mirror"}:  # "the red circle" may be either
        assert told(kind, twins) == "no_captions_that_can_be_proved"


def words(text: str) -> list[str]:
    """Its words, "an" as "a"."""
    return ["a" if word == "an" else word for word in re.findall(r"\w+", text.lower())]


def changed(one: str, other: str) -> list[tuple[str, str]]:
    """Words that differ, in texts of as many words."""
    return [(a, b) for a, b in zip(words(one), words(other), strict=True) if a != b]


def test_a_half_truth_adds_to_the_short_caption_and_differs_from_the_true_one_in_one_word() -> None:
    for kind in ("half_truth_attribute", "half_truth_thing", "half_truth_relation"):
        for _, (short, true, false) in asked(kind):
            assert Counter(words(true)) > Counter(words(short))
            assert Counter(words(false)) > Counter(words(short))
            assert len(changed(true, false)) == 1


def test_negations_say_no_or_not_of_the_other_two_captions() -> None:
    for kind, denied, affirmed in (("negation_thing", r"\bno\b", "a"), ("negation_attribute", r" not\b", "")):
        for _, (is_x, no_y, no_x, is_y) in asked(kind):
            turned = [words(re.sub(denied, affirmed, text.lower())) for text in (no_x, no_y)]
            assert turned == [words(is_x), words(is_y)]
            assert not {"no", "not"} & {*words(is_x), *words(is_y)}
            assert len(changed(is_x, is_y)) == 1


def test_paraphrases_are_other_words_and_the_false_caption_is_the_first_but_for_a_word() -> None:
    for kind in ("paraphrase_thing", "paraphrase_relation"):
        for _, (one, two, false) in asked(kind):
            assert words(one) != words(two) != words(false)
            assert len(changed(one, false)) == 1


def test_mirrored_captions_exchange_left_and_right_alone() -> None:
    for _, (one, other) in asked("mirror"):
        assert {"left", "right"} & set(words(one))
        turn = {"left": "right", "right": "left"}
        assert [turn.get(word, word) for word in words(one)] == words(other)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_drawn_shape_looks_in_the_mirror_as_without_up_to_an_eighth_of_a_pixel(shape: str) -> None:
    for span in range(4, 60):
        own = mask(shape, span)
        assert np.abs(own - own[:, ::-1]).max() < 1 / OVERSAMPLING + 1 / 255, span


def test_mirroring_moves_boxes_and_turns_sideways_edges_alone() -> None:
    for one in SCENES:
        other = mirrored(one)
        assert [(t.name, t.attributes, t.box.y, t.box.w, t.box.h) for t in one.things] == [
            (t.name, t.attributes, t.box.y, t.box.w, t.box.h) for t in other.things
        ]
        for thing, turned in zip(one.things, other.things, strict=True):
            assert thing.box.x + thing.box.w + turned.box.x == one.width
            for edge, back in zip(thing.relations, turned.relations, strict=True):
                sideways = edge.predicate in {"to the left of", "to the right of"}
                assert back.predicate == (CONVERSE[edge.predicate] if sideways else edge.predicate)
        assert mirrored(other) == one


def test_only_things_that_are_drawn_with_one_colour_and_one_size_are_asked_about() -> None:
    assert all(map(is_drawn, SCENES))
    for thing in (
        replace(RED, name="clock"),
        replace(RED, attributes=("red",)),
        replace(RED, attributes=("red", "blue")),
        replace(RED, attributes=("red", "small", "round")),
    ):
        assert not is_drawn(Scene("x", 48, 48, (RED, thing)))
