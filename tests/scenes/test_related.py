"""The quick look before `lexicon.match` passes every two nouns that it does not rule out."""

from itertools import product
from pathlib import Path
from random import Random

from hairsplit.scenes import _kinds, _nouns, lexicon
from hairsplit.scenes._related import is_person, related, root
from hairsplit.scenes.facts import Facts
from tests.captions.checker.worlds import worlds
from tests.captions.judged import scenes_of


def words() -> list[str]:
    listed = {
        *(word for text in (*_kinds.KINDS.values(), *_kinds.SAME_THING) for word in text.split()),
        *_kinds.KINDS,
        *_kinds.PEOPLE,
        *_nouns.ANYTHING,
        "pizza",
    }
    some = Random(0).sample(sorted(listed), 250)  # noqa: S311 - for a test
    return [*some, *map(lexicon.plural, some[:60]), *(f"big {word}" for word in some[:20]), "traffic light", "lights"]


def test_what_is_no_relation_rules_a_noun_out() -> None:
    passed = ruled_out = 0
    for noun, name in product(words(), repeat=2):
        near = related(noun)
        looks_related = near is None or root(name) in near or (is_person(noun) and is_person(name))
        assert looks_related or lexicon.match(noun, name) == "no", (noun, name)
        passed += looks_related
        ruled_out += not looks_related
    assert passed < ruled_out / 2  # it is worth a look


def test_things_called_by_a_noun_are_those_of_a_plain_loop(tmp_path: Path) -> None:
    found = 0
    for scene in scenes_of(worlds(40, seed=8, mixed=True), tmp_path):
        facts = Facts(scene, "open")
        for noun in (*facts.nouns, *map(lexicon.plural, facts.nouns), "person", "thing", "animal", "vehicle"):
            told = [(e, e.matches(noun)) for e in facts.entities]
            sure, maybe = (tuple(e for e, match in told if match == answer) for answer in ("yes", "maybe"))
            assert facts.called(noun) == (sure, maybe), noun
            found += bool(maybe)
    assert found > 40
