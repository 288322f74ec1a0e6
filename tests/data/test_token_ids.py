"""All texts tokenised once: what comes out of the store is what the tokenizer gives."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.data.token_ids import TokenIds, caption_key
from hairsplit.encoders.tokens import Tokenizer

TOKENIZER = Tokenizer(100)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=12), st.integers(3, 12))
def test_padded_ids_are_the_tokenizers_own(texts: list[str], length: int) -> None:
    store = TokenIds(texts, TOKENIZER, length)
    numbers = store.numbers(texts, len(texts)).tolist()
    made = store.padded(numbers)
    expected = TOKENIZER.ids(texts, length)
    assert made.shape == (len(texts), max(map(len, expected)))
    for row, ids in zip(made.tolist(), expected, strict=True):
        assert row == ids + [0] * (made.shape[1] - len(ids))


@given(st.lists(st.sampled_from(["a cat", "A  CAT", "a dog", "a cat.", "x"]), min_size=1, max_size=9))
def test_texts_are_the_same_exactly_if_their_ids_are(texts: list[str]) -> None:
    store = TokenIds(texts, TOKENIZER, 77)
    same = store.same[store.numbers(texts, len(texts))]
    ids = TOKENIZER.ids(texts, 77)
    assert all((same[i] == same[j]) == (ids[i] == ids[j]) for i in range(len(texts)) for j in range(len(texts)))


def test_no_text_at_all_is_one_column_of_zeros() -> None:
    store = TokenIds(["a"], TOKENIZER, 77)
    assert torch.equal(store.padded([]), torch.zeros(0, 1, dtype=torch.int64))
    assert store.numbers([None, "a"], 2).tolist() == [-1, 0]


def test_keys_do_not_tell_case_spaces_and_full_stops_apart() -> None:
    assert caption_key("A red  dog. ") == caption_key("a red dog") != caption_key("a red dogs")
