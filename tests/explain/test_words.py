"""Tokens know their words, blanks have the caption's length, and spans are found or refused with the words listed."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.attribution import find_span
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.tokens import Tokenizer, clean
from hairsplit.explain.words import blank_ids, check_same_length, clip_words, padded_words

TOKENIZER = Tokenizer(300)


@given(text=st.text(max_size=40) | st.sampled_from(["it's a dog.", "naïve ﬁsh & chips", "café 123!!", "a  b\tc"]))
def test_words_are_all_tokens_at_their_places(text: str) -> None:
    rows = TOKENIZER.words(text)
    assert [n for _, _, ids in rows for n in ids] == TOKENIZER.encode(text)
    cleaned = clean(text)
    assert "".join(cleaned[start:end] for start, end, _ in rows) == cleaned.replace(" ", "")
    if rows:
        words = clip_words(TOKENIZER, text, 77)
        assert [t.id for t in words.tokens] == TOKENIZER.ids([text])[0]


def test_a_word_of_several_tokens_is_one_word() -> None:
    words = clip_words(TOKENIZER, "A Xylophone, two", 77)
    numbers = [token.word for token in words.tokens]
    assert numbers[0] is None
    assert numbers[-1] is None
    assert numbers[1] == 0
    assert numbers.count(1) > 1
    assert words.text == "a xylophone, two"
    assert {words.text[t.start : t.end] for t in words.tokens if t.word == 1} == {"xylophone"}
    assert "".join(t.text for t in words.tokens if t.word == 1) == "xylophone"
    assert words.at == len(words.tokens) - 1
    assert words.unseen == 0


def test_a_caption_too_long_is_cut_and_says_so() -> None:
    words = clip_words(TOKENIZER, "dog " * 80, 20)
    assert len(words.tokens) <= 20
    assert words.unseen == 80 - len({t.word for t in words.tokens if t.word is not None})
    assert [t.id for t in words.tokens] == TOKENIZER.ids(["dog " * 80], 20)[0]


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_caption_is_refused(text: str) -> None:
    with pytest.raises(HairsplitError, match="empty"):
        clip_words(TOKENIZER, text, 77)
    with pytest.raises(HairsplitError, match="empty"):
        padded_words(text, [], [], 8, 1)


def test_a_blank_has_the_length_of_the_caption() -> None:
    words = clip_words(TOKENIZER, "a dog", 77)
    blank = blank_ids(words, 0, torch.device("cpu"))
    assert blank.shape == (1, len(words.tokens))
    assert (int(blank[0, 0]), int(blank[0, -1])) == (TOKENIZER.bos, TOKENIZER.eos)
    assert not blank[0, 1:-1].any()
    with pytest.raises(HairsplitError, match="tokens, the caption"):
        check_same_length(words, clip_words(TOKENIZER, "a big dog that runs", 77))


def test_padding_belongs_to_no_word() -> None:
    words = padded_words("red dog", [5, 6, 7, 1], [(0, 3), (3, 5), (5, 7), (0, 0)], 6, 1)
    assert [t.word for t in words.tokens] == [0, 1, 1, None, None, None]
    assert [t.id for t in words.tokens] == [5, 6, 7, 1, 1, 1]
    assert (words.at, words.unseen) == (5, 0)
    cut = padded_words("red dog runs", [5, 6, 7], [(0, 3), (4, 7), (8, 12)], 2, 1)
    assert (cut.at, cut.unseen) == (1, 1)


def test_spans_are_whole_words() -> None:
    words = clip_words(TOKENIZER, "a red dog and a dogged cat", 77)

    def find(span: str | tuple[int, int]) -> tuple[int, int]:
        return find_span(words.text, words.tokens, span)

    assert find("dog") == (2, 3)
    assert find("Red  DOG") == (1, 3)
    assert find((1, 3)) == (1, 3)
    assert find("a red") == (0, 2)
    for wrong in ("dogg", "cat red", "", "   ", "ed dog"):
        with pytest.raises(HairsplitError, match="not in the caption") as error:
            find(wrong)
        assert "0: a, 1: red, 2: dog, 3: and, 4: a, 5: dogged, 6: cat" in error.value.hint
    with pytest.raises(HairsplitError, match="2 times") as error:
        find("a")
    assert "(0, 1) or (4, 5)" in error.value.hint
    for numbers in ((0, 0), (-1, 2), (5, 9)):
        with pytest.raises(HairsplitError, match="no words"):
            find(numbers)
