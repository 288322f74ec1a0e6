"""The frozen shuffles of ARO's order tests: the same for ever, permutations, and different from the caption."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.run import text_hash
from hairsplit.evaluate.benchmarks import _order, _word_classes
from hairsplit.evaluate.benchmarks._order import MOST_WORDS, SHUFFLES, options, prepared
from hairsplit.evaluate.benchmarks._word_classes import word_class
from tests.evaluate.benchmarks.made import make, questions

CAPTIONS = (
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "Two brown dogs are running over the green grass!",
    "there is a cup standing on a wooden table",
    "The small white cat sits quietly between two old wooden chairs near the window.",
    "A large red bus driving down a busy street past tall buildings.",
    "Several people riding waves on colorful surfboards in the ocean.",
    "A young girl holding a tennis racket and a yellow ball.",
    "A plate of food with broccoli, rice and grilled meat on it.",
)
GOLDEN = "806e69eb8af4d02ec3f04de6eacacdb0"
"""Of all options of CAPTIONS."""
GOLDEN_WORDS = "17ec125a851ff4479efdb65fc9b92d60"
"""Of all word lists. If either this changes, scores of before and after are not of the same benchmark: raise
`_order.VERSION` and say so in the changelog."""


def test_the_shuffles_are_the_frozen_ones() -> None:
    texts = [text for n, caption in enumerate(CAPTIONS) for text in options(caption, "image.jpg", n)]
    assert (_order.VERSION, text_hash("\n".join(texts))) == (1, GOLDEN)


def test_the_word_lists_are_the_frozen_ones() -> None:
    names = ("_OTHER", "_VERBS", "_ADJECTIVES", "_NOUNS_IN_ING", "_NOUNS_IN_ED", "_NOUNS_IN_LY")
    lists = [sorted(getattr(_word_classes, name)) for name in names]
    assert text_hash(repr([*lists, _word_classes._ADJECTIVE_ENDINGS])) == GOLDEN_WORDS


words = st.lists(
    st.sampled_from(
        ["a", "red", "cup", "on", "the", "old", "table", "two", "dogs", "run", "quickly", "under", "trees"]
    ),
    max_size=40,
)


@given(words, st.integers(0, 5))
def test_every_option_is_a_permutation_and_no_two_are_the_same(caption: list[str], place: int) -> None:
    texts = options(" ".join(caption), "image", place)
    assert texts[0] == " ".join(caption[:MOST_WORDS])
    assert len(set(texts)) == len(texts) <= 5
    for text in texts:
        assert Counter(text.split()) == Counter(texts[0].split())
    assert options(" ".join(caption), "image", place) == texts


@given(words, st.randoms(use_true_random=False))
def test_each_shuffle_moves_only_what_it_names(caption: list[str], rng: random.Random) -> None:
    nouns, others, within, threes = (shuffle(caption, rng) for shuffle in SHUFFLES)
    classes = [word_class(word) for word in caption]
    for before, after, sort in zip(caption, nouns, classes, strict=True):
        assert before == after or sort != "other"
        assert word_class(after) == sort
    for before, after, sort in zip(caption, others, classes, strict=True):
        assert before == after or sort == "other"
    for start in range(0, len(caption), 3):
        assert Counter(caption[start : start + 3]) == Counter(within[start : start + 3])
    given_threes = Counter(tuple(caption[n : n + 3]) for n in range(0, len(caption) - 2, 3))
    place = 0
    found: Counter[tuple[str, ...]] = Counter()
    short = len(caption) % 3
    while place < len(threes):
        # the short rest may come anywhere, so both readings of the text are tried
        found[tuple(threes[place : place + 3])] += 1
        place += 3
    if not short:
        assert found == given_threes


def test_options_differ_from_caption_to_caption_of_one_image() -> None:
    first, second = (options(CAPTIONS[0], "image.jpg", place) for place in (0, 1))
    assert first[0] == second[0]
    assert first[1:] != second[1:]


def test_captions_are_prepared_as_aro_does() -> None:
    assert prepared('  "A man" (left); #1:  runs. ') == "a man left 1 runs"
    assert len(prepared("word " * 40).split()) == 30


@pytest.mark.parametrize(
    ("sort", "text"),
    [
        ("noun", "man shirt ladder window building bed dogs, broccoli morning family stop-sign"),
        ("adjective", "blue red wooden colorful large older famous leafless grilled"),
        ("other", "a the two standing cleaning quickly parked's 12 is and on holds between 's - &"),
    ],
)
def test_words_are_told_apart(sort: str, text: str) -> None:
    words_of_class = [word for word in text.split() if word_class(word) == sort]
    assert words_of_class == [word for word in text.split() if word != "parked's"]


def test_a_caption_without_another_order_is_left_out_and_lost_options_are_counted(tmp_path: Path) -> None:
    texts = f'[{{"image": "val2014/1.jpg", "caption": ["dog", "dog dog dog dog", "dogs run", "{CAPTIONS[0]}"]}}]'
    make("aro_coco_order", tmp_path, {"coco_karpathy_test.json": texts})
    found = questions("aro_coco_order", tmp_path)
    assert found.left_out == {"caption_without_another_order": 2}
    assert [len(item.captions) for item in found.items] == [2, 5]
    assert found.counts == {"shuffles_that_equal_the_caption_or_each_other": 4 + 4 + 3}
