"""All texts tokenised once: what comes out of the store is what the tokenizer gives."""

from collections.abc import Sequence

import torch
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.data.token_ids import TokenIds, caption_key
from hairsplit.encoders.tokens import Tokenizer

TOKENIZER = Tokenizer(100)


def stored(texts: Sequence[str | None], length: int = 77, block: int = 4) -> TokenIds:
    blocks = [texts[start : start + block] for start in range(0, len(texts), block)]
    return TokenIds(lambda: blocks, TOKENIZER, length)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=12), st.integers(3, 12))
def test_padded_ids_are_the_tokenizers_own(texts: list[str], length: int) -> None:
    store = stored(texts, length)
    made = store.padded(store.numbers.tolist())
    expected = TOKENIZER.ids(texts, length)
    assert made.shape == (len(texts), max(map(len, expected)))
    for row, ids in zip(made.tolist(), expected, strict=True):
        assert row == ids + [0] * (made.shape[1] - len(ids))


@given(st.lists(st.none() | st.sampled_from("abcdefg"), max_size=20), st.integers(1, 5))
def test_numbers_are_those_of_a_dictionary_in_order_of_first_occurrence(texts: list[str | None], block: int) -> None:
    oracle: dict[str, int] = {}
    expected = [-1 if text is None else oracle.setdefault(text, len(oracle)) for text in texts]
    store = stored(texts, block=block)
    assert store.numbers.tolist() == expected
    assert store.keys.tolist() == [caption_key(text) for text in oracle]


@given(st.lists(st.sampled_from(["a cat", "A  CAT", "a dog", "a cat.", "x"]), min_size=1, max_size=9))
def test_texts_are_the_same_exactly_if_their_ids_are(texts: list[str]) -> None:
    store = stored(texts)
    same = store.same[store.numbers]
    ids = TOKENIZER.ids(texts, 77)
    assert all((same[i] == same[j]) == (ids[i] == ids[j]) for i in range(len(texts)) for j in range(len(texts)))


def test_a_text_that_is_cut_is_known() -> None:
    store = stored(["a", "a dog and a cat and a bird", None], 5)
    assert store.cut[store.numbers[:2]].tolist() == [False, True]


def test_no_text_at_all_is_one_column_of_zeros() -> None:
    store = stored([None, "a"])
    assert torch.equal(store.padded([]), torch.zeros(0, 1, dtype=torch.int64))
    assert store.numbers.tolist() == [-1, 0]
    assert stored([]).numbers.tolist() == []


def test_keys_do_not_tell_case_spaces_and_full_stops_apart() -> None:
    assert caption_key("A red  dog. ") == caption_key("a red dog") != caption_key("a red dogs")
