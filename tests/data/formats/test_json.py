"""Reading JSON piece by piece: the same as json.loads, wherever the pieces end, and errors that say at which byte."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hairsplit.core import json_stream
from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_stream import elements, members
from hairsplit.core.windows import Window
from hairsplit.data.formats import InexactError
from hairsplit.data.formats._json import parts

MARKER = b'"captions"'
HINT = "expected another shape"
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# texts that look like the borders of members, and keys that look like the marker
texts = st.text(st.sampled_from('ab"\\{}[]:, \n\u00e9\u20ac\U0001f600'), max_size=6) | st.sampled_from(
    ["captions", '"captions"', '}, "x": {"captions"', "\\", '\\"captions']
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
chunks = st.integers(1, 99)
images = st.dictionaries(texts, st.fixed_dictionaries({"captions": values}, optional={"more": values}), max_size=6)


def written(folder: Path, value: object, layout: int) -> Path:
    """As compact, spaced or indented JSON, with or without escapes."""
    path = folder / "a.json"
    separators, indent = [((",", ":"), None), ((", ", ": "), None), ((" ,\n", " :\t"), None), (None, 1)][layout % 4]
    path.write_text(json.dumps(value, separators=separators, indent=indent, ensure_ascii=layout > 3), "utf-8")
    return path


def joined(path: Path, *, exact: bool, chunk: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts(path, HINT, MARKER, exact=exact, chunk=chunk):
        members_of_it = msgspec.json.decode(part.text, type=dict[str, Any])
        assert not found.keys() & members_of_it.keys()
        found |= members_of_it
    return found


@quick
@given(value=st.dictionaries(texts, values, max_size=6), layout=st.integers(0, 7), chunk=st.integers(1, 40))
def test_members_are_those_of_json_loads_wherever_the_pieces_end(
    tmp_path: Path, value: dict[str, Any], layout: int, chunk: int
) -> None:
    path = written(tmp_path, value, layout)
    found = [(key, json.loads(bytes(raw))) for key, raw in members(path, HINT, chunk=chunk)]
    assert found == list(json.loads(path.read_text("utf-8")).items())


@quick
@given(value=st.lists(values, max_size=6), layout=st.integers(0, 7), chunk=st.integers(1, 40))
def test_elements_are_those_of_json_loads_wherever_the_pieces_end(
    tmp_path: Path, value: list[Any], layout: int, chunk: int
) -> None:
    path = written(tmp_path, value, layout)
    assert [json.loads(bytes(raw)) for raw in elements(path, HINT, chunk=chunk)] == value


@quick
@given(value=images, layout=st.integers(0, 7), chunk=st.integers(1, 200))
def test_parts_hold_every_member_once_or_admit_that_they_may_not(
    tmp_path: Path, value: dict[str, Any], layout: int, chunk: int
) -> None:
    path = written(tmp_path, value, layout)
    assert joined(path, exact=True, chunk=chunk) == value
    try:
        guessed = joined(path, exact=False, chunk=chunk)
    except (msgspec.DecodeError, InexactError):
        # only a marker that is not a member's first key can mislead
        assert path.read_bytes().count(b"captions") > len(value)
    else:
        assert guessed == value


def test_many_members_come_in_few_parts_and_at_the_right_bytes(tmp_path: Path) -> None:
    path = written(tmp_path, {str(n): {"captions": {"a": "x" * n}} for n in range(200)}, 1)
    whole = path.read_bytes()
    found = list(parts(path, HINT, MARKER, chunk=2_000))
    assert 5 < len(found) < 40
    for part in found:
        inner = part.text[1:-1]
        assert whole[part.offset + 1 : part.offset + 1 + len(inner)] == inner
    for part in parts(path, HINT, MARKER, exact=True):
        value = part.text.index(b":") + 1
        assert whole[part.offset + value : part.offset + len(part.text) - 1] == part.text[value:-1]
    assert [part.fetched for part in found] == sorted(part.fetched for part in found)
    assert found[-1].fetched == len(whole)


@quick
@given(
    value=images, layout=st.integers(0, 7), damage=st.tuples(st.integers(0, 10**6), st.integers(0, 255)), chunk=chunks
)
def test_a_damaged_file_is_never_read_as_something_else(
    tmp_path: Path, value: dict[str, Any], layout: int, damage: tuple[int, int], chunk: int
) -> None:
    """One byte is changed: what is no JSON to json.loads is an error, and what is read is what json.loads reads."""
    path = written(tmp_path, value, layout)
    text = bytearray(path.read_bytes())
    text[damage[0] % len(text)] = damage[1]
    path.write_bytes(text)
    try:
        oracle = json.loads(bytes(text).decode("utf-8"), object_pairs_hook=list, parse_constant=_refused)
    except (ValueError, RecursionError):
        oracle = _refused
    for way in _ways(path, chunk):
        try:
            found = list(way())
        except (HairsplitError, InexactError, msgspec.DecodeError, UnicodeDecodeError):
            continue  # stricter in some things, as two equal keys and half a surrogate pair
        assert [key for key, _ in oracle] == [key for key, _ in found]
        assert dict(json.loads(text)) == dict(found)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _ways(path: Path, chunk: int) -> list[Callable[[], Iterator[tuple[str, Any]]]]:
    def one_by_one() -> Iterator[tuple[str, Any]]:
        for key, raw in members(path, HINT, chunk=chunk):
            yield key, msgspec.json.decode(raw)

    def in_parts() -> Iterator[tuple[str, Any]]:
        for part in parts(path, HINT, MARKER, chunk=chunk):
            yield from msgspec.json.decode(part.text, type=dict[str, Any]).items()

    return [one_by_one, in_parts]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("zipped", [False, True])
def test_gzip_is_told_by_the_first_bytes_and_a_byte_order_mark_is_left_out(
    tmp_path: Path, bom: bytes, zipped: bool
) -> None:
    text = bom + b' {"a": {"captions": 1}, "b": {"captions": 2}} \n'
    path = tmp_path / "a.json"  # no .gz in its name
    path.write_bytes(gzip.compress(text) if zipped else text)
    assert [(key, bytes(raw)) for key, raw in members(path, HINT)] == [
        ("a", b'{"captions": 1}'),
        ("b", b'{"captions": 2}'),
    ]
    assert joined(path, exact=False, chunk=8) == {"a": {"captions": 1}, "b": {"captions": 2}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the file is empty"),
        (b" \n\xef\xbb\xbf", "byte 2 starts no JSON value"),
        (b"[1]", "expected an object, found an array"),
        (b'"a"', "expected an object, found a string"),
        (b"12", "expected an object, found a number"),
        (b"null", "expected an object, found null"),
        (b"\xff\xfe{\x00}\x00", "the file is UTF-16"),
        (b'{"a": NaN}', "invalid character at byte 6"),
        (b'{"a": 1', "it ends at byte 7"),
        (b'{"a": 1}, 2', "more text behind the end, at byte 8"),
        (b'{"a": 1 "b": 2}', "expected ',' or '}' at byte 8"),
        (b'{"a" 1}', "expected ':' at byte 5"),
        (b'{"a": 1, }', "expected a key in quotes at byte 9"),
        (b"{a: 1}", "expected a key in quotes at byte 1"),
        (b'{"a": "bc', "it ends in the middle of a value, at byte 9"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply, at byte 6 or behind it"),
        (b'{"a": 1, "b": 2, "a": 3}', r"the key 'a' stands twice \(again at byte 17\)"),
        (b'{"a\xff": 1}', "byte 3 is not UTF-8"),
        (gzip.compress(b'{"a": [' + b"1, " * 99 + b"1]}", mtime=0)[:-9], "compressed data are torn"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
def test_what_is_wrong_is_said_with_its_byte(tmp_path: Path, text: bytes, message: str, chunk: int) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(HairsplitError, match=message) as caught:
        list(members(path, HINT, chunk=chunk))
    assert caught.value.where == str(path)
    assert caught.value.hint


def test_the_byte_of_an_error_counts_from_the_start_of_the_file(tmp_path: Path) -> None:
    head = b'{"a": [' + b"1, " * 50_000 + b'2], "b": '
    path = tmp_path / "a.json"
    path.write_bytes(head + b"[1, oops]}")
    with pytest.raises(HairsplitError, match=f"invalid character at byte {len(head) + 4:,}\n"):
        list(members(path, HINT, chunk=1_000))


def test_a_value_without_end_is_not_read_into_memory_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_MEMBER", 10_000)
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": 1, "b": "' + b"y" * 1_000_000)
    with pytest.raises(HairsplitError, match="a value of more than 10,000 bytes starts at byte 14"):
        list(members(path, HINT, chunk=1_000))
    with pytest.raises(InexactError):
        list(parts(path, HINT, MARKER, chunk=1_000))


def test_a_window_moves_forward_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abcdefgh")
    with Window(path, 3) as text:
        assert (text.peek(), text.take(2), text.offset, text.held()) == (b"a", b"ab", 2, b"c")
        assert text.more()
        assert (text.held(), text.offset, text.fetched) == (b"cdef", 2, 6)
        text.skip(4)
        assert text.more()
        assert text.held() == b"gh"
        assert not text.more()
        assert (text.take(2), text.peek()) == (b"gh", b"")
