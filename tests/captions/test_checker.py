"""The checker agrees with truths written by hand, and shares nothing with the generator."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

import tests.captions.checker
from tests.captions.checker import lint, words
from tests.captions.checker.grammar import Form, Reader, UnreadableError, normal
from tests.captions.checker.graph import Graph
from tests.captions.checker.truth import Evaluator


def loose(form: Form) -> Any:
    """The form without articles: the hand-written forms say "a" for some "the", and "the barn is white" for "a white
    barn" where only one barn can be meant."""
    if form["op"] in {"and", "xor", "not"}:
        return {"op": form["op"], "args": [loose(part) for part in form["args"]]}
    if form["op"] == "attr":
        return loose({"op": "exists", "x": {**form["x"], "attrs": [*form["x"].get("attrs", []), form["attr"]]}})
    return normal({k: {**v, "det": ""} if isinstance(v, dict) else v for k, v in form.items()})


def test_it_shares_nothing_with_the_generator() -> None:
    folder = Path(tests.captions.checker.__file__).parent
    imported = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level
                imported |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = {name for name in imported if name.startswith("hairsplit")}
    assert all(name.startswith("hairsplit.core") for name in ours), ours
    theirs = {name for name in imported if name.startswith("tests.")}
    assert all(name.startswith("tests.captions.checker") for name in theirs), theirs
    assert "tests.captions.checker.words" in imported


def test_every_statement_judged_by_hand_is_judged_alike(shared: Path) -> None:
    folder = shared / "fixtures" / "hnc"
    if not folder.is_dir():
        pytest.skip("the hand-written statements are not at hand")
    raw = json.loads((folder / "gqa_scene_graphs_handwritten.json").read_text("utf-8"))
    graphs = {key: Graph.of(value) for key, value in raw.items()}
    statements = json.loads((folder / "expected_truth.json").read_text("utf-8"))
    wrong: list[tuple[object, ...]] = []
    for row in statements:
        graph = graphs[row["image_id"]]
        readings = Reader(graph.nouns, graph.attributes).readings(row["text"])
        if loose(row["form"]) not in map(loose, readings):
            wrong.append((row["id"], row["text"], "is read as", readings))
        for world in ("open", "closed"):
            truth = Evaluator(graph, world, kinds=False).truth(row["form"])
            if truth != row[world]:
                wrong.append((row["id"], row["text"], world, truth, "not", row[world]))
    assert wrong == []
    assert len(statements) == 70


CUP, CAT, DOG = ({"noun": noun, "det": "the"} for noun in ("cup", "cat", "dog"))
RED = {"op": "attr", "x": CUP, "attr": "red"}
BLACK = {"op": "attr", "x": {**CAT, "attrs": ["large"]}, "attr": "black"}
LEFT = {"op": "rel", "s": CAT, "p": "to the left of", "o": CUP}
RIDES = {"op": "rel", "s": CAT, "p": "riding", "o": DOG}
SOME = {"op": "exists", "x": {"noun": "cup", "det": "a", "attrs": ["red"]}}
ON = {"op": "rel", "s": {"noun": "cup", "det": "a"}, "p": "on", "o": DOG}
SENTENCES: list[tuple[Form, tuple[str, ...]]] = [
    (RED, ("The cup is red.", "The cup in the picture is red.", "In the picture, the cup is red.")),
    (LEFT, ("The cat is to the left of the cup.", "The cat is left of the cup.",
    "The cat is located on the left of the cup.",
            "To the left of the cup is the cat.", "Left of the cup is the cat.", "On the left of the cup is the cat.")),
    (RIDES, ("The cat is riding the dog.", "In the picture, the cat is riding the dog.",
    "The cat in the picture is riding the dog.")),
    ({"op": "and", "args": [RED, BLACK]}, (
        "The cup is red and the large cat is black.", "The cup is red, while the large cat is black.",
        "In the picture, the cup is red and the large cat is black.")),
    ({"op": "xor", "args": [RIDES, LEFT]}, (
        "Either the cat is riding the dog or the cat is left of the cup.",
        "In the picture, either the cat is riding the dog or the cat is to the left of the cup.",
        "The cat is riding the dog or the cat is on the left of the cup, but not both.")),
    ({"op": "not", "args": [RED]}, (
        "The cup is not red.", "The cup in the picture is not red.", "In the picture, the cup is not red.")),
    (SOME, ("There is at least one cup that is red.", "The picture shows at least one cup that is red.",
            "At least one cup that is red can be seen.", "There is a red cup.", "A red cup can be seen.")),
    ({"op": "not", "args": [SOME]}, (
        "There is no cup that is red.", "The picture shows no cup that is red.", "No cup that is red can be seen.")),
    (ON, ("There is at least one cup that is on the dog.", "At least one cup that is on the dog can be seen.")),
    ({"op": "not", "args": [ON]}, ("The picture shows no cup that is on the dog.",)),
    ({"op": "count", "noun": "cup", "cmp": "==", "n": 3}, (
        "There are three cups.", "The picture shows three cups.", "Three cups can be seen.")),
    ({"op": "count", "noun": "knife", "cmp": "==", "n": 1}, ("There is one knife.", "One knife can be seen.")),
    ({"op": "cmpcount", "a": "cup", "b": "knife", "cmp": "<"}, (
        "There are fewer cups than knives.", "The picture shows fewer cups than knives.",
        "In the picture, there are fewer cups than knives.")),
    ({"op": "cmpcount", "a": "child", "b": "cup", "cmp": "=="}, ("There are as many children as cups.",)),
]  # fmt: skip
READER = Reader({"cup", "cat", "dog", "knife", "child", "traffic light", "light"}, {"red", "black", "large"})


@pytest.mark.parametrize(("form", "texts"), SENTENCES, ids=lambda value: value["op"] if isinstance(value, dict) else "")
def test_every_pattern_is_read_as_what_it_means(form: Form, texts: tuple[str, ...]) -> None:
    for text in texts:
        assert [normal(reading) for reading in READER.readings(text)] == [normal(form)], text
        assert list(lint.complaints(text, form)) == []


@pytest.mark.parametrize("text", [
    "the cup is red.", "The cup is red", "The cup  is red.", "The cup.", "Cup is red.", "There are three.",
    "The cup is.", "The cup is the.", "The cup is left of.", "In the picture, cup is red.", "There are more cups.",
])  # fmt: skip
def test_what_is_no_sentence_is_not_read(text: str) -> None:
    with pytest.raises(UnreadableError):
        READER.readings(text)


def test_a_name_of_two_words_goes_before_an_attribute_and_a_name() -> None:
    first, *others = READER.readings("The traffic light is red.")
    assert first["x"] == {"noun": "traffic light", "det": "the"}
    assert [other["x"] for other in others] == [{"noun": "light", "det": "the", "attrs": ["traffic"]}]


@pytest.mark.parametrize(("text", "fault"), [
    ("The cups is red.", "agreement"), ("The pants is red.", "agreement"), ("The cup are red.", "agreement"),
    ("Left of the cups are the cup.", "agreement"), ("Above the cup is the pants.", "agreement"),
    ("The cup is red and the pants is black.", "agreement"), ("There are a red cup.", "agreement"),
    ("There is three cups.", "agreement"), ("There is an red cup.", "article"), ("There is a orange cup.", "article"),
    ("There is an unicycle.", "article"), ("There is a brown hair.", "mass noun"), ("A black pants can be seen.",
    "plural"),
    ("There are two rices.", "counted"), ("The cup cup is red.", "twice"),
])  # fmt: skip
def test_bad_english_is_found(text: str, fault: str) -> None:
    reader = Reader({"cup", "cups", "pants", "hair", "rice", "unicycle"}, {"red", "black", "brown", "orange"})
    assert any(fault in why for why in lint.complaints(text, reader.readings(text)[0]))


@pytest.mark.parametrize(("one", "many"), [
    ("knife", "knives"), ("person", "people"), ("bus", "buses"), ("sheep", "sheep"), ("glass", "glasses"), ("dress",
    "dresses"),
    ("berry", "berries"), ("toy", "toys"), ("traffic light", "traffic lights"), ("fish", "fish"), ("box", "boxes"),
])  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert words.plural(one) == many
    if one != "glass":  # glasses are spectacles, too
        assert words.singular(many) == one
    assert words.singular(one) == one
