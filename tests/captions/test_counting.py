"""What scenes hold, against a count in plain loops."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from hairsplit.captions._corpus import EVEN, slot_of
from hairsplit.captions._counting import corpus_of
from hairsplit.core.types import Relation, Scene, Thing
from hairsplit.scenes import lexicon
from tests.captions.checker.worlds import worlds
from tests.captions.judged import scenes_of
from tests.captions.scenes import drawn


def said(thing: Thing) -> list[tuple[str, str]]:
    """(class, attribute) of which a thing has no other of the class."""
    own = {lexicon.attribute(name) for name in thing.attributes}
    by_class = [(lexicon.attribute_class(name), name) for name in own]
    return [(kind, name) for kind, name in by_class if kind and sum(other == kind for other, _ in by_class) == 1]


def sayable(thing: Thing) -> list[tuple[str, str]]:
    """Those that a caption may say of it."""
    noun = lexicon.normal(thing.name)
    return [one for one in said(thing) if lexicon.nameable(noun) and lexicon.usable(noun, one[1])]


def plain(scenes: list[Scene]) -> dict[str, Any]:
    """The tables of a corpus, one increment at a time."""
    names = "attributes shares classes totals nouns alone all_numbers orders starts ends predicates slots numbers"
    found: dict[str, Any] = {name: Counter() for name in names.split()}
    for scene in scenes:
        things = {thing.id: thing for thing in scene.things}
        nouns = [lexicon.normal(thing.name) for thing in scene.things]
        shown = {(lexicon.normal(t.name), name) for t in scene.things for _, name in sayable(t)}
        for noun in set(nouns):
            found["nouns"][noun] += nouns.count(noun)
            found["numbers"][noun, nouns.count(noun)] += 1
            found["all_numbers"][nouns.count(noun)] += 1
        for noun, name in shown:
            for rival in lexicon.rivals(noun):
                found["alone"][noun, name, rival] += (rival, name) not in shown
        for thing in scene.things:
            noun = lexicon.normal(thing.name)
            for kind, name in said(thing):
                found["attributes"][noun, name] += 1
                found["totals"][noun, kind] += 1
            for kind, name in sayable(thing):
                found["shares"][name] += 1
                found["classes"][kind] += 1
            for edge in thing.relations:
                predicate = lexicon.predicate(edge.predicate)
                if edge.target not in things or lexicon.said_as(predicate) is None:
                    continue
                target = lexicon.normal(things[edge.target].name)
                for role, end in (("subject", thing), ("object", things[edge.target])):
                    for _, name in sayable(end):
                        found["slots"][(*slot_of(role, predicate), name)] += 1
                if predicate not in EVEN:
                    found["orders"][noun, predicate, target] += 1
                    found["starts"][noun, predicate] += 1
                    found["ends"][target, predicate] += 1
                    found["predicates"][predicate] += 1
    return found


@pytest.mark.parametrize("source", ["drawn", "mixed"])
def test_every_table_is_that_of_a_count_in_plain_loops(source: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    mixed = worlds(80, seed=2, mixed=True)
    scenes = list(drawn(80)) if source == "drawn" else scenes_of(mixed, tmp_path_factory.mktemp("mixed"))
    scenes.append(
        Scene("odd", 9, 9, tuple(replace(t, relations=(Relation("frobbing", "0"),)) for t in scenes[0].things))
    )
    tables = corpus_of(scenes).tables()
    tables["numbers"] = {(noun, n): m for noun, table in tables["numbers"].items() for n, m in table.items()}
    expected = plain(list(scenes))
    assert tables.keys() == expected.keys()
    for name, table in expected.items():
        assert {k: n for k, n in tables[name].items() if n} == {k: n for k, n in table.items() if n}, name
        assert sum(table.values()) > 0 or (name == "alone" and source == "mixed"), name
