"""What holds of every rule and caption."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.captions.from_text import RULES
from hairsplit.captions.from_text._sentence import read, rewrite, with_articles, words_of
from tests.captions.from_text.world import captions, changes, negatives

FLUENT = [name for name in RULES.names() if RULES[name].fluent]
SHUFFLES = [name for name in RULES.names() if not RULES[name].fluent]
MIRRORED = [name for name in FLUENT if name != "negation"]


@pytest.mark.parametrize("rule", RULES.names())
@given(text=captions, seed=st.integers(0, 9))
def test_a_negative_differs_and_its_edit_says_how(rule: str, text: str, seed: int) -> None:
    for _, change, positive, negative in changes(rule, text, seed):
        assert words_of(negative) != words_of(positive)
        assert change.edit.before != change.edit.after
        assert positive[0].isupper() == negative[0].isupper() == text[0].isupper()
        assert (positive[-1], negative[-1]) == (text[-1], text[-1]) or rule not in FLUENT or text[-1].isalpha()


@pytest.mark.parametrize("rule", FLUENT)
@given(text=captions)
def test_articles_fit_and_slots_lie_apart(rule: str, text: str) -> None:
    for sentence, change, _, negative in changes(rule, text):
        assert with_articles(negative) == negative
        slots = sorted(change.slots, key=lambda slot: slot.start)
        assert all(a.end <= b.start for a, b in pairwise(slots))
        assert all(0 <= slot.start < slot.end <= len(sentence.tokens) for slot in slots)


@pytest.mark.parametrize("rule", MIRRORED)
@given(text=captions)
def test_the_edit_can_be_undone_by_the_same_rule(rule: str, text: str) -> None:
    for _, change, _, negative in changes(rule, text):
        back = [(c.edit.before, c.edit.after, n) for _, c, _, n in changes(rule, negative)]
        assert text in [n for before, after, n in back if {before, after} == {change.edit.before, change.edit.after}]


@pytest.mark.parametrize("rule", SHUFFLES)
@given(text=captions, seed=st.integers(0, 99))
def test_a_shuffle_has_the_same_words(rule: str, text: str, seed: int) -> None:
    for negative in negatives(rule, text, seed):
        assert Counter(words_of(negative)) == Counter(words_of(text))


@given(text=captions, seed=st.integers(0, 99))
def test_what_shuffles_leave_in_place(text: str, seed: int) -> None:
    sentence = read(text)
    named = [i for i, token in enumerate(sentence.tokens) if token.tag.startswith(("NN", "JJ"))]
    for negative in negatives("shuffle_all_but_nouns_adjectives", text, seed):
        assert [words_of(negative)[i] for i in named] == [sentence.word(i) for i in named]
    for negative in negatives("shuffle_nouns_adjectives", text, seed):
        others = [i for i in range(len(sentence.tokens)) if i not in named]
        assert [words_of(negative)[i] for i in others] == [sentence.word(i) for i in others]
    words = [word for word in words_of(text) if word != "."]
    threes = [tuple(words[i : i + 3]) for i in range(0, len(words), 3)]
    for negative in negatives("shuffle_within_trigrams", text, seed):
        found = [word for word in words_of(negative) if word != "."]
        assert [sorted(found[i : i + 3]) for i in range(0, len(found), 3)] == [sorted(three) for three in threes]
    for negative in negatives("shuffle_trigrams", text, seed):
        joined = " ".join(word for word in words_of(negative) if word != ".")
        assert all(" ".join(three) in joined for three in threes)


@given(text=st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    sentence = read(text)
    assert "".join(token.text for token in sentence.tokens) == "".join(text.split())
    for name in RULES.names():
        for negative in negatives(name, text):
            assert words_of(negative) != words_of(text)


@given(text=captions)
def test_a_sentence_without_slots_is_as_it_was(text: str) -> None:
    assert rewrite(read(text), ()) == text
