"""The human HNC test: linked by position, its defects counted."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from tests.data.formats.reading import Sorted, read, read_text

HEADER = "image_id,positive_caption,negative_caption,type\n"


def read_captions(folder: Path, captions: Sequence[tuple[str, int]], kinds: Sequence[str] = ()) -> Sorted:
    entries = {
        str(n): {"caption": text, "label": label, "type": kinds[n] if kinds else "relation", "replaced": None}
        for n, (text, label) in enumerate(captions)
    }
    return read_text("hnc_test", folder, json.dumps({"n7.jpg": entries}))


def test_the_published_sample_gives_a_pair_for_every_two_captions(shared: Path) -> None:
    path = shared / "fixtures" / "hnc" / "hnc_test_human_sample.json"
    captions = sum(len(entries) for entries in json.loads(path.read_text("utf-8")).values())
    found = read("hnc_test", path)
    assert captions == 450
    assert (len(found.pairs), len(found.rejects)) == (225, 0)
    assert len({pair.image for pair in found.pairs}) == 21
    assert {pair.evidence for pair in found.pairs} == {"human"}
    assert (found.pairs[0].image, found.pairs[0].image_id) == ("n100552.jpg", "n100552")
    assert found.pairs[0].negative == "The fence is behind either the elephant or the trunk."
    assert {note.what for note in found.notes} == {"stray_spaces"}
    assert not any(text != text.strip() for pair in found.pairs for text in (pair.caption, pair.negative or ""))


def test_keys_are_sorted_as_numbers_and_not_as_words(tmp_path: Path) -> None:
    captions = [(f"{'true' if n % 2 == 0 else 'false'} {n // 2}", 1 - n % 2) for n in range(24)]
    entries = {str(n): {"caption": text, "label": label, "type": "x"} for n, (text, label) in enumerate(captions)}
    words = dict(sorted(entries.items()))  # "10" before "2"
    found = read_text("hnc_test", tmp_path, json.dumps({"n7.jpg": words}))
    assert [(p.caption, p.negative) for p in found.pairs] == [(f"true {n}", f"false {n}") for n in range(12)]


def test_a_pair_of_identical_texts_is_dropped_and_counted(tmp_path: Path) -> None:
    found = read_captions(tmp_path, [("the same", 1), ("the same ", 0), ("a", 1), ("b", 0)])
    assert found.reasons == {"identical_texts": 1}
    assert len(found.pairs) == 1


def test_a_caption_labelled_both_ways_is_kept_and_noted(tmp_path: Path) -> None:
    found = read_captions(tmp_path, [("a", 1), ("b", 0), ("b", 1), ("c", 0)])
    assert len(found.pairs) == 2
    assert [(note.what, note.detail) for note in found.notes] == [("caption_labelled_both_ways", "b")]


def test_a_caption_of_one_label_in_two_images_is_not_labelled_both_ways(tmp_path: Path) -> None:
    entries = {
        "0": {"caption": "a", "label": 1, "type": "x"},
        "1": {"caption": "b", "label": 0, "type": "x"},
    }
    swapped = {"0": {**entries["0"], "caption": "b"}, "1": {**entries["1"], "caption": "a"}}
    found = read_text("hnc_test", tmp_path, json.dumps({"n1.jpg": entries, "n2.jpg": swapped}))
    assert len(found.pairs) == 2
    assert not found.notes


def test_what_does_not_alternate_is_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    found = read_captions(tmp_path, [("x", 0), ("a", 1), ("b", 0), ("c", 1), ("d", 1), ("e", 0), ("f", 1)])
    assert [(p.caption, p.negative) for p in found.pairs] == [("a", "b"), ("d", "e")]
    assert found.reasons == {"unlinked_negative": 1, "unlinked_positive": 2}


def test_neighbours_of_different_types_are_no_pair(tmp_path: Path) -> None:
    found = read_captions(tmp_path, [("a", 1), ("b", 0), ("c", 1), ("d", 0)], ["relation", "object", "x", "x"])
    assert found.reasons == {"type_mismatch": 1}
    assert [p.kind for p in found.pairs] == ["x"]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"n1.jpg": []}',
        '{"n1.jpg": {"zero": {"caption": "a", "label": 1, "type": "x"}}}',
        '{"n1.jpg": {"0": {"caption": "a", "label": 3, "type": "x"}}}',
        '{"n1.jpg": {"0": {"caption": 5, "label": 1, "type": "x"}}}',
        '{"n1.jpg": {"captions": {}}}',
    ],
)
def test_a_file_of_another_shape_is_an_error_that_says_where(tmp_path: Path, text: str) -> None:
    with pytest.raises(HairsplitError, match="format hnc") as caught:
        read_text("hnc_test", tmp_path, text)
    assert "annotations.json" in caught.value.where


def test_the_twin_in_csv_gives_the_same_pairs(tmp_path: Path) -> None:
    captions = [("a, b", 1), ("c ", 0), ("c", 1), ("d", 0), ("e", 1), ("e", 0)]
    twin = HEADER + 'n7.jpg,"a, b",c ,relation\nn7.jpg,c,d,relation\nn7.jpg,e,e,relation\n'
    from_json, from_csv = read_captions(tmp_path, captions), read_text("hnc_test", tmp_path, twin, ".csv")
    assert from_csv.pairs == from_json.pairs
    assert from_csv.reasons == from_json.reasons == {"identical_texts": 1}
    assert [note.what for note in from_csv.notes] == [note.what for note in from_json.notes]


def test_the_twin_needs_both_captions(tmp_path: Path) -> None:
    assert read_text("hnc_test", tmp_path, HEADER + "n7,a,,x\n", ".csv").reasons == {"empty_negative": 1}
