import pytest

from hairsplit.captions import FAMILIES
from hairsplit.captions._grammar import WORDINGS, be, lint, lint_pair, said, sentence, wording
from hairsplit.captions.form import Phrase
from hairsplit.captions.generate import generate
from tests.captions.scenes import drawn


def test_phrases_have_the_right_article_and_verb() -> None:
    assert said(Phrase("star", ("orange",), "a")) == "an orange star"
    assert said(Phrase("umbrella", (), "a")) == "an umbrella"
    assert said(Phrase("uniform", (), "a")) == "a uniform"
    assert said(Phrase("circle", ("small", "red"))) == "the small red circle"
    assert [be(Phrase(noun)) for noun in ("glasses", "rice", "dog")] == ["are", "is", "is"]
    assert sentence("{x} is here.", x="the dog") == "The dog is here."


def test_left_and_right_have_the_same_wordings_row_by_row() -> None:
    for left, right in zip(WORDINGS["to the left of"], WORDINGS["to the right of"], strict=True):
        assert left.replace("left", "right") == right
    assert wording("above", 2) == "above"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("There is a orange star.", "article"),
        ("There are one circle.", "number of the verb"),
        ("There is two circles.", "number of the verb"),
        ("There are three banana.", "number of the noun"),
        ("There is more dogs than cats.", "number of the verb"),
        ("In the picture, there is as many dogs as cats.", "number of the verb"),
        ("There is one bananas.", "number of the noun"),
        ("The the circle is red.", "word doubled"),
        ("the circle is red.", "capital or final period"),
        ("The circle is red", "capital or final period"),
        ("The circle  is red.", "capital or final period"),
    ],
)
def test_lint_finds_seeded_mistakes(text: str, finding: str) -> None:
    assert finding in lint(text)


def test_lint_finds_what_only_a_pair_shows() -> None:
    assert lint_pair("The banana is yellow.", "The banana is yellow.") == ("texts are equal",)
    assert "word repeated by the edit" in lint_pair("The bowl is on the plate.", "The plate is on the plate.")
    assert not lint_pair("The red star is above the blue star.", "The red star is below the blue star.")
    assert not lint_pair("There are as many dogs as cats.", "There are more dogs than cats.")
    one, two = "The dog is red and the cat is blue.", "The dog is red and the cat is red."
    assert "word repeated by the edit" in lint_pair(one, two)
    assert "word no longer repeated after the edit" in lint_pair(two, one)


def test_no_caption_has_findings() -> None:
    for pair in generate(drawn(100), world="closed", negatives_per_positive=2):
        assert not lint_pair(pair.caption, str(pair.negative))


@pytest.mark.parametrize("name", FAMILIES.names())
def test_every_family_declares_what_it_does(name: str) -> None:
    family = FAMILIES[name]
    assert len(family.templates) >= 3
    assert family.roles
    assert family.worlds
    assert not lint_pair(*family.example)
