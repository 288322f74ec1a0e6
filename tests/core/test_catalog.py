"""The folder is the registry: names from files, entries on first use, a hint for a misspelt name."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hairsplit.core.catalog import Catalog, nearest
from hairsplit.core.errors import HairsplitError


@dataclass(frozen=True)
class Fruit:
    """What the modules of the example package hold."""

    colour: str


@pytest.fixture
def fruits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog[Fruit]]:
    folder = tmp_path / "fruits_of_the_test"
    folder.mkdir()
    entry = "from tests.core.test_catalog import Fruit\nENTRY = Fruit({!r})\n"
    for name, text in {
        "__init__": "",
        "_private": "raise RuntimeError('never imported')",
        "banana": entry.format("yellow"),
        "apple": entry.format("red"),
        "shop": "",
        "mango": "import no_such_library_at_all",
    }.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield Catalog("fruits_of_the_test", Fruit, besides=("shop",))
    for name in [name for name in sys.modules if name.startswith("fruits_of_the_test")]:
        del sys.modules[name]


def test_names_are_the_public_modules_in_order(fruits: Catalog[Fruit]) -> None:
    assert fruits.names() == ("apple", "banana", "mango")
    assert list(fruits) == ["apple", "banana", "mango"]


def test_asking_for_names_imports_no_entry(fruits: Catalog[Fruit]) -> None:
    fruits.names()
    assert "fruits_of_the_test.apple" not in sys.modules


def test_an_entry_is_loaded_by_name(fruits: Catalog[Fruit]) -> None:
    assert fruits["banana"] == Fruit("yellow")


def test_a_misspelt_name_is_answered_with_the_nearest(fruits: Catalog[Fruit]) -> None:
    with pytest.raises(HairsplitError, match="no fruit is called 'banan'") as caught:
        fruits["banan"]
    assert (caught.value.where, caught.value.hint) == ("fruits_of_the_test", "did you mean 'banana'?")
    with pytest.raises(HairsplitError) as caught:
        replace(fruits, asked="--fruits")["banan"]
    assert caught.value.where == "--fruits", "what the user typed"


@pytest.mark.parametrize("name", ["_private", "shop", "__init__", "", "../apple"])
def test_what_is_no_entry_cannot_be_had(fruits: Catalog[Fruit], name: str) -> None:
    with pytest.raises(HairsplitError, match="no fruit is called"):
        fruits[name]


def test_a_missing_library_is_answered_with_the_extra_to_install(fruits: Catalog[Fruit]) -> None:
    with pytest.raises(HairsplitError, match="mango needs no_such_library_at_all") as caught:
        fruits["mango"]
    assert caught.value.hint == "pip install 'hairsplit[mango]'"


def test_nothing_near_lists_everything() -> None:
    assert nearest("xyz", ("apple", "banana")) == "choose from apple, banana"


@pytest.mark.parametrize(("name", "meant"), [("APPLE", "apple"), ("vit-b/32", "ViT-B/32"), ("Bananna", "banana")])
def test_the_case_of_letters_does_not_matter_to_a_hint(name: str, meant: str) -> None:
    assert nearest(name, ("apple", "banana", "ViT-B/32")) == f"did you mean {meant!r}?"
