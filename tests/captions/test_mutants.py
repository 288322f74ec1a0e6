"""Every defect of CAPTIONS 3.3 and 7.8, seeded into pairs or into what the generator sees, is caught."""

import re
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from hairsplit.core.types import Pair
from tests.captions.checker.balance import marker_faults, repetitions, swap_faults
from tests.captions.checker.pairs import Checker, Row
from tests.captions.checker.words import plural
from tests.captions.checker.worlds import Raw, changed, grown, masked, mirrored, worlds
from tests.captions.judged import findings, pairs_of, row_of, summary
from tests.captions.pair_mutants import PAIR_MUTANTS

Made = tuple[list[Pair], dict[str, Raw]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    graphs = worlds(90, seed=21)
    return pairs_of(graphs, tmp_path_factory.mktemp("made"), "closed", max_pairs_per_image=60), graphs


@pytest.mark.parametrize("mutate", PAIR_MUTANTS, ids=lambda mutate: mutate.__name__)
def test_each_defective_pair_is_caught(mutate: Callable[[Pair, Raw], Row | None], made: Made) -> None:
    pairs, graphs = made
    tried, missed = 0, []
    for pair in pairs:
        row = mutate(pair, graphs[pair.image_id])
        if row is None or tried >= 150:
            continue
        tried += 1
        rules = {finding.rule for finding in Checker.of(graphs[pair.image_id], "closed").findings(row)}
        if not rules & PAIR_MUTANTS[mutate]:
            missed.append((row, rules))
    assert tried >= 3
    assert missed == [], f"{len(missed)} of {tried}"


def test_the_pairs_are_right_before_they_are_mutated(made: Made) -> None:
    pairs, graphs = made
    assert summary(findings(pairs, graphs, "closed")) == ""


# -- seeded into what the generator sees: it takes another graph for the picture ------------------------------------


def only_the_first_thing_of_a_name(raw: Raw) -> Raw:
    first: dict[str, str] = {}
    for key, o in raw["objects"].items():
        first.setdefault(o["name"], key)
    return changed(raw, {key: raw["objects"][key] for key in raw["objects"] if key in first.values()})


def only_the_first_attribute(raw: Raw) -> Raw:
    return changed(raw, {k: {**o, "attributes": o["attributes"][:1]} for k, o in raw["objects"].items()})


def names_of_neighbours_mixed_up(raw: Raw) -> Raw:
    objects, keys = deepcopy(raw["objects"]), list(raw["objects"])
    names = [objects[key]["name"] for key in keys]
    for key, name in zip(keys, names[1:] + names[:1], strict=True):
        objects[key]["name"] = name
    return changed(raw, objects)


def edges_the_wrong_way_round(raw: Raw) -> Raw:
    objects = {k: {**o, "relations": []} for k, o in raw["objects"].items()}
    for key, o in raw["objects"].items():
        for edge in o["relations"]:
            if edge["name"] in {"wearing", "holding", "on", "under", "in front of", "behind"}:
                objects[edge["object"]]["relations"].append({"name": edge["name"], "object": key})
    return changed(raw, objects)


def left_as_the_people_in_the_picture_see_it(raw: Raw) -> Raw:
    return mirrored(raw)


def upside_down(raw: Raw) -> Raw:
    objects = {
        k: {**o, "y": raw["height"] - o["y"] - o["h"], "relations": [e for e in o["relations"] if "o" not in e["name"]]}
        for k, o in raw["objects"].items()
    }
    return changed(raw, objects)


def what_is_not_annotated_counts_as_false(raw: Raw) -> Raw:
    return masked(raw, 0.4, len(raw["objects"]))


def synonyms_told_apart(raw: Raw) -> Raw:
    """To whom a couch is no sofa, and a person never a man."""
    words = {"sofa": "zaxel", "person": "wumble", "child": "flonk", "people": "gribbets"}
    return changed(raw, {k: {**o, "name": words.get(o["name"], o["name"])} for k, o in raw["objects"].items()})


SIGHT_MUTANTS: dict[Callable[[Raw], Raw], set[str]] = {
    only_the_first_thing_of_a_name: {"referent", "truth"},
    only_the_first_attribute: {"truth"},
    names_of_neighbours_mixed_up: {"referent", "truth"},
    edges_the_wrong_way_round: {"truth"},
    left_as_the_people_in_the_picture_see_it: {"truth"},
    upside_down: {"truth"},
    what_is_not_annotated_counts_as_false: {"truth"},
    synonyms_told_apart: {"referent"},
}


@pytest.mark.parametrize("see", SIGHT_MUTANTS, ids=lambda see: see.__name__)
def test_a_generator_that_sees_the_picture_wrongly_is_caught(see: Callable[[Raw], Raw], tmp_path: Path) -> None:
    graphs = worlds(80, seed=31)
    seen = {key: see(raw) for key, raw in graphs.items()}
    pairs = pairs_of(seen, tmp_path, "closed")
    assert len(pairs) > 200
    rules = Counter(finding.rule for _, finding in findings(pairs, graphs, "closed"))
    assert SIGHT_MUTANTS[see] <= set(rules), rules


def test_a_generator_that_overlooks_plurals_is_caught(tmp_path: Path) -> None:
    seen, whole = worlds(40, seed=32), {}
    for key, raw in seen.items():
        nouns = sorted(o["name"] for o in raw["objects"].values() if plural(o["name"]) != o["name"])
        whole[key] = grown(raw, plural(nouns[0])) if nouns else raw
    rules = {finding.rule for _, finding in findings(pairs_of(seen, tmp_path, "open"), whole, "open")}
    assert "referent" in rules


# -- seeded into the whole ------------------------------------------------------------------------------------------


def test_texts_that_come_twice_are_caught(made: Made) -> None:
    pairs = [p for p in made[0] if p.image_id == made[0][0].image_id]
    rows = [(p.caption, str(p.negative), p.group_id) for p in pairs]
    assert repetitions(rows) == []
    caption, negative, group = rows[0]
    assert repetitions([*rows, rows[0]])
    assert repetitions([*rows, (negative, "Another.", "new")])
    assert repetitions([*rows, (caption, "Another.", "new")])
    assert repetitions([*rows, ("Another.", "And another.", group)])


@pytest.mark.parametrize("marker", ["left", "more", "no", "two"])
def test_a_marker_that_stands_more_often_in_true_captions_is_caught(marker: str, made: Made) -> None:
    rows = [(p.kind, row_of(p)) for p in made[0]] * 4
    one_sided = [(k, r) for k, r in rows if not re.search(rf"\b{marker}\b", r.negative.lower())]
    assert any(repr(marker) in fault for fault in marker_faults(one_sided))


def test_swaps_in_one_direction_are_caught(made: Made) -> None:
    rows = [(p.kind, row_of(p)) for p in made[0]]
    assert any("'large'" in fault for fault in swap_faults([(k, r) for k, r in rows if r.before != "large"]))
