"""Structure-CLIP's list of {image, text, neg_text}."""

import json
from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from tests.data.formats.reading import Sorted, read_text


def read_entries(folder: Path, *entries: object) -> Sorted:
    return read_text("coco_negatives", folder, json.dumps(entries))


def test_further_keys_are_ignored_and_paths_keep_their_folder(tmp_path: Path) -> None:
    image = "val2014/COCO_val2014_000000000042.jpg"
    entry = {"image": image, "text": "a cup", "neg_text": "a jug", "id": 3, "triples": [["a", "on", "b"]], "pairs": []}
    (pair,) = read_entries(tmp_path, entry).pairs
    assert (pair.image, pair.image_id) == (image, image.removesuffix(".jpg"))
    assert (pair.caption, pair.negative, pair.source) == ("a cup", "a jug", "coco_negatives")


def test_rows_without_a_negative_are_counted(tmp_path: Path) -> None:
    found = read_entries(
        tmp_path,
        {"image": "a.jpg", "text": "a cup"},
        {"image": "a.jpg", "text": "a cup", "neg_text": ""},
        {"image": "a.jpg", "text": "a cup", "neg_text": "a cup"},
        {"image": "/abs/a.jpg", "text": "a cup", "neg_text": "a jug"},
    )
    assert found.reasons == {"missing_negative": 1, "empty_negative": 1, "identical_texts": 1, "bad_image_path": 1}
    assert found.rejects[0].where == "annotations.json, item 0"


@pytest.mark.parametrize("wrong", [{"image": 3}, {"image": "a.jpg", "text": ["a", "b"]}, "a.jpg", [1]])
def test_a_wrong_type_is_an_error_with_the_number_of_the_item(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(HairsplitError, match="neg_text") as caught:
        read_entries(tmp_path, {"image": "a.jpg", "text": "a cup", "neg_text": "a jug"}, wrong)
    assert caught.value.where.endswith("item 1")


def test_a_file_that_is_no_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="expected a list"):
        read_text("coco_negatives", tmp_path, '{"image": "a.jpg"}')
