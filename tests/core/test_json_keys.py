"""Keys that stand twice, and bytes counted."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_keys import occurrences, refuse_twins

TREES = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), TREES) | st.lists(TREES))
def test_no_object_of_a_python_tree_has_a_twin(tree: object) -> None:
    refuse_twins(json.dumps(tree).encode(), "here")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}', '{"a" : 1, "b": "\\":", "a": 2}', '{"b": {"a": 1, "c": 3, "a": 2}}',
        '[1, {"a": [], "a": {}}]', '{"a": 1, "\\u0061": 2}', '{"a":1,"a":2,"b":"x\\": "}',
    ],
)  # fmt: skip
def test_a_twin_is_found_at_any_depth_and_however_it_is_written(text: str) -> None:
    with pytest.raises(HairsplitError, match="the key 'a' stands twice") as caught:
        refuse_twins(text.encode(), "here")
    assert caught.value.where == "here"


def test_a_value_that_looks_like_the_end_of_a_key_is_none() -> None:
    refuse_twins(b'{"a": "\\":", "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]}', "here")
    refuse_twins(b'{"a": ' + b"1" * 5_000 + b', "b": {}}', "here")


@given(st.lists(st.sampled_from(list(b'abc":')), max_size=60).map(bytes), st.sampled_from([1, 2, 4, 8]), st.data())
def test_occurrences_are_those_of_a_plain_search(text: bytes, size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(0, len(text) - size)))
    pattern = text[start : start + size] if len(text) >= size else b"abababab"[:size]
    assert occurrences(pattern, text) == sum(text[n : n + size] == pattern for n in range(len(text)))
