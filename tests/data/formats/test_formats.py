"""A contract for every format, and the checks of a row that all share."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Pair, Reject
from hairsplit.data.formats import FORMATS, REASONS, Format
from hairsplit.data.formats._rows import MAX_CHARACTERS, checked, is_clean, plain_path, without_suffix
from tests.data.formats.reading import Sorted, read, read_text, sort

NAMES = ["coco_negatives", "csv", "hnc", "hnc_test", "jsonl"]


def row(**changes: object) -> Sorted:
    fields: dict[str, object] = {
        "image": "a.jpg", "caption": "a cup", "negative": "a jug", "kind": "object", "source": "test"
    }  # fmt: skip
    return sort(checked("here", **{**fields, **changes}))  # type: ignore[arg-type]


def test_the_folder_holds_these_formats() -> None:
    assert set(NAMES) <= set(FORMATS.names())


@pytest.mark.parametrize("name", FORMATS.names())
def test_each_format_reads_its_own_example_and_says_where_it_comes_from(name: str, tmp_path: Path) -> None:
    entry = FORMATS[name]
    assert isinstance(entry, Format)
    assert entry.description
    assert entry.reference
    assert entry.licence
    found = read_text(name, tmp_path, entry.example)
    assert found.pairs
    assert not found.rejects
    assert any(pair.negative for pair in found.pairs)


@pytest.mark.parametrize("name", FORMATS.names())
def test_reading_twice_gives_the_same_rows_in_the_same_order(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].suffix}"
    path.write_text(FORMATS[name].example, "utf-8")
    assert read(name, path) == read(name, path)


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_torn_file_is_an_error_that_says_where_or_a_counted_row(name: str, tmp_path: Path) -> None:
    example = FORMATS[name].example.rstrip()
    whole = len(read_text(name, tmp_path, example).pairs)
    for end in range(len(example) - 2):
        try:
            found = read_text(name, tmp_path, example[:end])
        except HairsplitError as error:
            assert str(tmp_path) in error.where
            assert error.hint
        else:  # a table may end anywhere behind its header, a JSON Lines file behind any line
            assert FORMATS[name].suffix in {".csv", ".jsonl"}
            assert len(found.pairs) <= whole


@pytest.mark.parametrize("name", FORMATS.names())
def test_a_byte_order_mark_is_no_obstacle(name: str, tmp_path: Path) -> None:
    assert read_text(name, tmp_path, "\ufeff" + FORMATS[name].example).pairs


@pytest.mark.parametrize("name", FORMATS.names())
def test_text_that_is_not_utf8_is_an_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{FORMATS[name].suffix}"
    path.write_bytes(FORMATS[name].example.replace("red", "röd").replace("one", "öne").encode("latin-1"))
    with pytest.raises(HairsplitError) as caught:
        read(name, path)
    assert "UTF-8" in str(caught.value)


def test_a_misspelt_format_is_met_with_the_nearest_name() -> None:
    with pytest.raises(HairsplitError, match="did you mean 'hnc_test'"):
        FORMATS["hnc_tset"]


def test_a_sound_row_becomes_a_pair_named_by_its_image() -> None:
    assert row(image="val/a.jpg", group_id="g", evidence="human").pairs == [
        Pair(
            image="val/a.jpg", image_id="val/a", caption="a cup", negative="a jug", kind="object", source="test",
            evidence="human", group_id="g",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"caption": None}, "missing_caption"),
        ({"caption": " \n"}, "empty_caption"),
        ({"negative": None}, "missing_negative"),
        ({"negative": "\x00"}, "empty_negative"),
        ({"caption": "x" * (MAX_CHARACTERS + 1)}, "over_long_text"),
        ({"negative": "x" * (MAX_CHARACTERS + 1)}, "over_long_text"),
        ({"negative": "A  Cup "}, "identical_texts"),
        ({"image": None}, "no_image_name"),
        ({"image": ""}, "no_image_name"),
        ({"image": "/etc/passwd"}, "bad_image_path"),
        ({"image": "../a.jpg"}, "bad_image_path"),
        ({"image": "a/../../b.jpg"}, "bad_image_path"),
        ({"image": "C:\\a.jpg"}, "bad_image_path"),
        ({"image": "a\x00.jpg"}, "bad_image_path"),
    ],
)
def test_a_bad_row_is_rejected_for_a_known_reason(changes: dict[str, object], reason: str) -> None:
    found = row(**changes)
    assert not found.pairs
    assert found.reasons == {reason: 1}
    assert reason in REASONS


@settings(deadline=None)
@given(
    st.text(st.sampled_from("aA |\u00a0\u0130\tx"), max_size=8),
    st.text(st.sampled_from("aA |\u00a0\u0130\tx"), max_size=8),
)
def test_texts_that_look_clean_at_first_sight_are_kept_just_as_they_are(caption: str, negative: str) -> None:
    if is_clean(caption, negative):
        found = row(caption=caption, negative=negative)
        assert [(pair.caption, pair.negative) for pair in found.pairs] == [(caption, negative)]
        assert not found.notes


def test_usual_captions_look_clean() -> None:
    assert is_clean("The cup is red.", "The cup is blue.")
    assert not is_clean("The cup is red.", "the CUP is red.")
    assert not is_clean("a", None)
    assert not is_clean("a ", "b")
    assert not is_clean("a", "x" * MAX_CHARACTERS)


def test_a_row_without_negative_is_kept_where_the_format_allows_it() -> None:
    assert row(negative=None, needs_negative=False).pairs[0].negative is None
    assert row(negative="", needs_negative=False).reasons == {"empty_negative": 1}


def test_a_text_of_just_the_longest_length_is_kept() -> None:
    assert row(caption="x" * MAX_CHARACTERS).pairs


def test_stray_spaces_and_control_characters_go_and_are_noted() -> None:
    found = row(caption=" a\x00cup\n", negative="a jug ")
    assert (found.pairs[0].caption, found.pairs[0].negative) == ("a cup", "a jug")
    assert [note.what for note in found.notes] == ["control_characters", "stray_spaces", "stray_spaces"]


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=12))
def test_every_row_gives_one_pair_or_one_reject_and_pairs_are_tidy(caption: str, negative: str, image: str) -> None:
    found = row(caption=caption, negative=negative, image=image)
    assert len(found.pairs) + len(found.rejects) == 1
    for pair in found.pairs:
        assert pair.negative is not None
        for text in (pair.caption, pair.negative):
            assert text == text.strip() != ""
            assert not any(ord(c) < 32 for c in text)
        assert pair.caption.lower().split() != pair.negative.lower().split()
        assert plain_path(pair.image) == pair.image


@given(st.text("./a\\: \n0", max_size=10))
def test_a_plain_path_stays_below_its_folder(image: str) -> None:
    path = plain_path(image)
    if path is not None:
        assert not Path(path).is_absolute()
        assert ".." not in Path(path).parts


def test_different_spellings_of_a_path_are_one() -> None:
    assert plain_path("./a//b.jpg") == plain_path("a/b.jpg") == "a/b.jpg"


def test_only_suffixes_of_pictures_are_cut() -> None:
    assert [without_suffix(name) for name in ("a/b.JPG", "photo.v1", "2386621", ".png")] == [
        "a/b", "photo.v1", "2386621", ".png"
    ]  # fmt: skip


def test_a_reject_carries_no_machine_path() -> None:
    assert row(image="/home/someone/a.jpg").rejects == [Reject("here", "bad_image_path", "'/home/someone/a.jpg'")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jsonl", '{"image": "a.jpg", "caption": "a", "caption": "b", "negative": null}'),
        ("coco_negatives", '[{"image": "a.jpg", "text": "a", "neg_text": "c", "text": "b"}]'),
        ("hnc_test", '{"1.jpg": {"0": {"caption": "a", "label": 1, "type": "t", "label": 0}}}'),
        ("hnc_test", '{"1.jpg": {"0": {"caption": "a", "label": 1, "type": "t"}, "0": {}}}'),
    ],
)
def test_a_key_that_stands_twice_is_an_error_that_says_where(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(HairsplitError, match="stands twice; which one counts is not known") as caught:
        read_text(name, tmp_path, text)
    assert any(word in caught.value.where for word in ("line 1", "item 0", "image 1.jpg"))
