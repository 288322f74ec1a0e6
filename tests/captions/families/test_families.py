"""Every family, on the same drawn scenes: it speaks where it may, shows what it says of itself, and explains itself."""

from collections import Counter
from collections.abc import Iterator

import pytest

from hairsplit.captions import FAMILIES, generate
from hairsplit.core.types import Pair, Scene, World
from hairsplit.scenes.drawing.sample import DrawnWorld, scene

SCENES: list[Scene] = [scene(DrawnWorld(), 0, f"s{n}", "test") for n in range(60)]
ALLOWED = [(name, world) for name in FAMILIES.names() for world in FAMILIES[name].worlds]


def pairs(name: str, world: World) -> Iterator[Pair]:
    return generate.generate(SCENES, world=world, families=[name], rejects=Counter())


@pytest.mark.parametrize(("name", "world"), ALLOWED)
def test_a_family_speaks_of_drawn_scenes_in_every_world_it_allows(name: str, world: World) -> None:
    made = list(pairs(name, world))
    assert len(made) > 10
    assert {pair.kind for pair in made} == {name}


@pytest.mark.parametrize(("name", "world"), ALLOWED)
def test_edits_are_of_the_roles_that_the_family_names(name: str, world: World) -> None:
    for pair in pairs(name, world):
        assert pair.edit is not None
        assert pair.edit.role in FAMILIES[name].roles
        assert pair.edit.before != pair.edit.after
        assert pair.caption != pair.negative
        assert pair.evidence


@pytest.mark.parametrize("name", FAMILIES.names())
def test_the_example_is_a_pair_of_sentences_in_the_form_of_the_family(name: str) -> None:
    family = FAMILIES[name]
    positive, negative = family.example
    assert positive != negative
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in family.example)
    assert set(family.worlds) <= {"open", "closed"}
    assert family.worlds
    assert family.templates
