"""What must not change, or must, when the picture changes (CAPTIONS 7.8): judged by texts and the checker alone."""

import json
import re
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.types import Pair, World
from tests.captions.checker.graph import Graph
from tests.captions.checker.pairs import Checker
from tests.captions.checker.truth import Evaluator
from tests.captions.checker.worlds import Raw, changed, grown, mirrored, renamed, scaled, worlds
from tests.captions.judged import findings, pairs_of, row_of, summary

WORLDS: tuple[World, ...] = ("closed", "open")
Texts = set[tuple[str, str, str, str]]


@pytest.fixture(scope="module")
def graphs() -> dict[str, Raw]:
    return worlds(50, seed=41)


def texts(pairs: list[Pair], change: Callable[[str], str] = str) -> Texts:
    return {(p.image_id, p.kind, change(p.caption), change(str(p.negative))) for p in pairs}


def left_right_exchanged(text: str) -> str:
    swap = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    return re.sub(r"\b([Ll]eft|[Rr]ight)\b", lambda found: swap[found[0]], text)


@pytest.mark.parametrize("world", WORLDS)
def test_in_a_mirror_left_and_right_are_exchanged_and_nothing_else(
    world: World, graphs: dict[str, Raw], tmp_path: Path
) -> None:
    straight = texts(pairs_of(graphs, tmp_path, world), left_right_exchanged)
    mirror = texts(pairs_of({key: mirrored(raw) for key, raw in graphs.items()}, tmp_path, world))
    assert mirror == straight
    assert any("left" in caption.lower() for _, _, caption, _ in mirror)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("change", [lambda raw: scaled(raw, 3), lambda raw: renamed(raw, 5)], ids=["scaled", "renamed"])
def test_neither_size_nor_ids_nor_order_change_a_pair(
    world: World, change: Callable[[Raw], Raw], graphs: dict[str, Raw], tmp_path: Path
) -> None:
    before = texts(pairs_of(graphs, tmp_path, world))
    after = texts(pairs_of({key: change(raw) for key, raw in graphs.items()}, tmp_path, world))
    assert after == before
    assert len(before) > 500


@pytest.mark.parametrize("world", WORLDS)
def test_a_far_new_thing_changes_no_truth(world: World, graphs: dict[str, Raw], tmp_path: Path) -> None:
    pairs = pairs_of(graphs, tmp_path, world)
    assert summary(findings(pairs, {key: grown(raw, "zeppelin") for key, raw in graphs.items()}, world)) == ""


def test_a_second_thing_of_a_noun_takes_its_definite_pairs_away(graphs: dict[str, Raw], tmp_path: Path) -> None:
    """What is said of "the cup" is gone when another, undescribed cup appears: nobody knows which is meant."""
    pairs = pairs_of(graphs, tmp_path, "open", families=["attribute", "negation"])
    nouns = {p.image_id: _phrase(p)["noun"] for p in pairs}
    doubled = {key: grown(graphs[key], noun) for key, noun in nouns.items()}
    again = pairs_of(doubled, tmp_path, "open", families=["attribute", "negation"])
    said = [p for p in again if _phrase(p)["noun"] == nouns[p.image_id]]
    assert len(nouns) > 40
    assert said == []


def _phrase(pair: Pair) -> dict[str, Any]:
    form = json.loads(str(pair.caption_form))
    phrase: dict[str, Any] = (form["args"][0] if form["op"] == "not" else form)["x"]
    return phrase


# -- the replaced fact becomes true -----------------------------------------------------------------------------------


def with_fact(raw: Raw, form: dict[str, Any]) -> Raw | None:
    """The scene in which the form is annotated, of all things of its nouns; None if it cannot be so by adding."""
    objects = deepcopy(raw["objects"])
    if form["op"] in {"attr", "exists"}:
        words = [form["attr"]] if form["op"] == "attr" else form["x"].get("attrs", [])
        things = [o for o in objects.values() if o["name"] == form["x"]["noun"]]
        for o in things:
            o["attributes"] += [w for w in words if w not in o["attributes"]]
        return changed(raw, objects) if things else None
    if form["op"] == "rel":
        for phrase in (form["s"], form["o"]):
            for o in (o for o in objects.values() if o["name"] == phrase["noun"]):
                o["attributes"] += [w for w in phrase.get("attrs", []) if w not in o["attributes"]]
        for o in objects.values():
            targets = [k for k, t in objects.items() if t["name"] == form["o"]["noun"] and t is not o]
            if o["name"] == form["s"]["noun"]:
                o["relations"] += [{"name": form["p"], "object": k} for k in targets]
        return changed(raw, objects)
    if form["op"] == "and":
        evaluator = Evaluator(Graph.of(raw), "closed")
        false = [part for part in form["args"] if evaluator.truth(part) == "F"]
        return with_fact(raw, false[0]) if len(false) == 1 else None
    if form["op"] == "count":
        missing = form["n"] - sum(o["name"] == form["noun"] for o in objects.values())
        if missing != 1:
            return None
        new = {"name": form["noun"], "x": 0, "y": 0, "w": 4, "h": 4, "attributes": [], "relations": []}
        return changed(raw, {**objects, "new": new})
    return None


@pytest.mark.parametrize("world", WORLDS)
def test_a_negative_vanishes_when_its_fact_becomes_true(world: World, graphs: dict[str, Raw], tmp_path: Path) -> None:
    before: dict[str, list[Pair]] = {}
    some = dict(list(graphs.items())[:35])
    for pair in pairs_of(some, tmp_path, world, max_pairs_per_image=200):
        before.setdefault(pair.image_id, []).append(pair)
    tried, kept, others = Counter[str](), 0, 0
    for turn in range(5):
        chosen, scenes = dict[str, Pair](), dict[str, Raw]()
        for key, pairs in before.items():
            pair = pairs[(turn * 37) % len(pairs)]
            scene = with_fact(graphs[key], json.loads(str(pair.negative_form)))
            if scene:
                chosen[key], scenes[key] = pair, scene
        after: dict[str, set[str]] = {key: set() for key in scenes}
        for again in pairs_of(scenes, tmp_path, world, max_pairs_per_image=200):
            after[again.image_id].add(str(again.negative))
        for key, pair in chosen.items():
            assert pair.negative not in after[key], (pair.kind, pair.negative, key)
            tried[pair.kind] += 1
            others += len(before[key])
            kept += sum(p.negative in after[key] for p in before[key])
    assert len(tried) >= 6
    assert sum(tried.values()) > 60
    assert kept > others / 4  # it is this one that vanishes, and not all


# -- what the table says of mirrored pictures and of the edit's place ---------------------------------------------


def test_texts_for_the_mirrored_picture_are_right_of_it(graphs: dict[str, Raw], tmp_path: Path) -> None:
    pairs = pairs_of(graphs, tmp_path, "closed")
    safe = [pair for pair in pairs if pair.flip_safe]
    turned = [pair for pair in pairs if pair.flip_caption is not None]
    assert len(safe) > 200
    assert len(turned) > 200
    mirror = {key: mirrored(raw) for key, raw in graphs.items()}
    assert summary(findings(safe, mirror, "closed")) == ""
    for pair in turned:
        checker = Checker.of(mirror[pair.image_id], "closed")
        assert checker.truth(str(pair.flip_caption)) == "T", pair
        assert checker.truth(str(pair.flip_negative)) == "F", pair


def test_outside_the_spans_both_texts_are_the_same(graphs: dict[str, Raw], tmp_path: Path) -> None:
    for pair in pairs_of(graphs, tmp_path, "closed"):
        assert pair.caption_span is not None
        assert pair.negative_span is not None
        (start, end), (first, last) = pair.caption_span, pair.negative_span
        row = row_of(pair)
        assert row.caption[:start] == row.negative[:first]
        assert row.caption[end:] == row.negative[last:]
        assert row.caption[start:end] != row.negative[first:last]
        if row.role in {"attribute", "count"}:
            assert row.before in row.caption[start:end].lower()
            assert row.after in row.negative[first:last].lower()


def test_a_row_is_judged_alike_in_the_order_of_other_keys(graphs: dict[str, Raw], tmp_path: Path) -> None:
    """The checker itself does not depend on ids or order."""
    pairs = pairs_of(graphs, tmp_path, "closed")
    wrong = [replace(p, caption=str(p.negative), caption_form=p.negative_form) for p in pairs]
    here, there = (
        Counter((p.image_id, f.rule, f.why) for p, f in findings(wrong, which, "closed") if f.rule == "truth")
        for which in (graphs, {key: renamed(raw, 6) for key, raw in graphs.items()})
    )
    assert here == there
    assert sum(here.values()) >= len(wrong)
