"""JSON Lines: one row per line, the folders of real data as they are."""

import json
from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from tests.data.formats.reading import read, read_text


def line(**fields: object) -> str:
    return json.dumps({"image": "a.jpg", "caption": "a cup", "negative": "a jug", **fields}) + "\n"


@pytest.mark.parametrize(("folder", "kinds"), [("flickr8k", 3), ("nlvr", 2), ("coco_bench", 15), ("tf_flowers", 1)])
def test_real_triplets_are_read_as_they_are(shared: Path, folder: str, kinds: int) -> None:
    path = shared / "realdata" / folder / "triplets.jsonl"
    rows = [json.loads(text) for text in path.read_text("utf-8").splitlines()[:2_000]]
    found = read("jsonl", path)
    assert not found.rejects
    for row, pair in zip(rows, found.pairs, strict=False):
        assert (pair.image, pair.kind, pair.source) == (row["image"], row["type"], row["source"])
        assert pair.caption == row["caption"].strip()
        assert pair.negative == (None if row["negative"] is None else row["negative"].strip())
    assert len({pair.kind for pair in found.pairs}) >= kinds


def test_kind_goes_before_type_and_unknown_keys_are_ignored(tmp_path: Path) -> None:
    found = read_text("jsonl", tmp_path, line(kind="k", type="t", split="dev", scores=[1]) + line(type="t") + line())
    assert [pair.kind for pair in found.pairs] == ["k", "t", "unnamed"]
    assert {pair.source for pair in found.pairs} == {"jsonl"}


def test_ids_and_provenance_are_kept(tmp_path: Path) -> None:
    text = line(image_id=12, source="mine", evidence="human", group_id="g")
    (pair,) = read_text("jsonl", tmp_path, text).pairs
    assert (pair.image_id, pair.source, pair.evidence, pair.group_id) == ("12", "mine", "human", "g")


def test_a_null_negative_is_none_but_a_forgotten_one_is_rejected(tmp_path: Path) -> None:
    forgotten = json.dumps({"image": "a.jpg", "caption": "a cup", "neg": "a jug"})
    found = read_text("jsonl", tmp_path, line(negative=None) + forgotten)
    assert [pair.negative for pair in found.pairs] == [None]
    assert found.reasons == {"missing_negative": 1}
    assert found.rejects[0].where == "annotations.jsonl, line 2"


def test_blank_lines_are_skipped_and_line_numbers_stay_right(tmp_path: Path) -> None:
    found = read_text("jsonl", tmp_path, "\n" + line() + "  \n" + line(caption=""))
    assert len(found.pairs) == 1
    assert found.rejects[0].where == "annotations.jsonl, line 4"


@pytest.mark.parametrize("bad", [line()[:20], "[1]", "7", line(caption=3), line(negative=["x"]), line(image={}), "{,}"])
def test_a_torn_line_or_a_wrong_type_is_an_error_with_its_line_number(tmp_path: Path, bad: str) -> None:
    with pytest.raises(HairsplitError) as caught:
        read_text("jsonl", tmp_path, line() + bad)
    assert caught.value.where.endswith("annotations.jsonl, line 2")
    assert caught.value.hint


def test_brackets_without_end_are_an_error_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError):
        read_text("jsonl", tmp_path, '{"x": ' + "[" * 100_000)
