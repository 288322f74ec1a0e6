"""Edit sizes against the definition written out; markers and one-sided words by hand."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis.strategies import lists, sampled_from

from hairsplit.evaluate.audit_text import NAMES, differing, text_facts, token_distance, tokens
from tests.evaluate.audits import table

WORDS = lists(sampled_from(["a", "b", "c", "left", "right"]), max_size=7)


def defined_distance(one: list[str], two: list[str]) -> int:
    """Oracle: Levenshtein's recursion as it stands in the definition."""

    @cache
    def d(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (one[i - 1] != two[j - 1]))

    return d(len(one), len(two))


@given(one=WORDS, two=WORDS)
def test_edit_sizes_agree_with_the_definition(one: list[str], two: list[str]) -> None:
    expected = defined_distance(one, two)
    assert token_distance(one, two) == expected
    assert text_facts(table(("i", " ".join(one), " ".join(two)))).distance.tolist() == [expected]


@given(one=WORDS, two=WORDS)
def test_what_differs_begins_and_ends_differently(one: list[str], two: list[str]) -> None:
    a, b = differing(one, two)
    assert len(one) - len(a) == len(two) - len(b)
    assert (a == b) == (one == two)
    if a and b:
        assert a[0] != b[0]
        assert a[-1] != b[-1]


def test_tokens_are_words_with_their_apostrophes_and_marks() -> None:
    assert tokens("Isn't it  2 p.m.?") == ["isn't", "it", "2", "p", ".", "m", ".", "?"]


@pytest.mark.parametrize(
    ("caption", "negative", "distance", "one_span", "reordered"),
    [
        ("the cup is red", "the cup is blue", 1, True, False),
        ("the cup is red", "The cup is red", 0, False, False),
        ("a red cup and a blue bowl", "a blue cup and a red bowl", 2, False, True),
        ("a cup", "a big old cup", 2, True, False),
        ("a cup left of a bowl", "a bowl left of a cup", 2, False, True),
        ("it is on the mat", "it is to the left of the mat", 4, False, False),
    ],
)
def test_edits_by_hand(caption: str, negative: str, distance: int, one_span: bool, reordered: bool) -> None:
    facts = text_facts(table(("i", caption, negative)))
    assert (facts.distance[0], facts.one_span[0], facts.reordered[0]) == (distance, one_span, reordered)


@pytest.mark.parametrize("word", ["no", "not", "Nobody", "isn't", "don’t", "without"])
def test_negation_is_seen_on_its_side(word: str) -> None:
    facts = text_facts(table(("i", "a cup is here", f"a cup {word} here")))
    assert facts.markers[0, NAMES.index("negation")].tolist() == [False, True]


def test_lengths_are_in_words_and_characters_and_rows_without_a_negative_are_left_out() -> None:
    facts = text_facts(table(("i", "only true", None), ("i", "the cup .", "a")))
    assert facts.rows.tolist() == [1]
    assert facts.words.tolist() == [[3, 1]]
    assert facts.characters.tolist() == [[9, 1]]


def test_words_of_one_side_only_are_listed_once_per_pair() -> None:
    facts = text_facts(table(("i", "red red cup", "blue cup"), ("j", "cup", "cup red")))
    found = sorted((int(p), facts.vocabulary[w], int(side)) for p, w, side in facts.one_sided)
    assert found == [(0, "blue", 1), (0, "red", 0), (1, "red", 1)]
