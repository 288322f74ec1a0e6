"""Captions in every file they may come in, and bad rows by reason."""

import json
from pathlib import Path

import pytest

from hairsplit.captions.from_text._input import REASONS, Captions, read_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, write_pairs
from hairsplit.core.types import Pair, Reject


def jsonl(folder: Path, *rows: object) -> Path:
    file = folder / "captions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_rows_of_one_image_are_joined(tmp_path: Path) -> None:
    file = jsonl(
        tmp_path,
        {"image": "a/1.jpg", "captions": ["A dog .", "A cat ."], "set": "train"},
        {"image": "2.png", "caption": " A cow "},
        {"image": "a/1.jpg", "caption": "A hen"},
        {"image": "3.jpg", "image_id": 7, "caption": "An ox"},
    )
    found, _ = read_captions(file, [])
    assert found == [
        Captions("a/1.jpg", "a/1", ("A dog .", "A cat .", "A hen"), "train"),
        Captions("2.png", "2", ("A cow",)),
        Captions("3.jpg", "7", ("An ox",)),
    ]


def test_csv_and_a_pairs_table(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text('image,caption\n1.jpg,"A dog, a cat"\n2.jpg\n', "utf-8")
    rejects: list[Reject] = []
    found, _ = read_captions(tmp_path / "c.csv", rejects)
    assert found == [Captions("1.jpg", "1", ("A dog, a cat",))]
    assert [(r.where, r.reason) for r in rejects] == [("c.csv, line 3", "wrong_cell_count")]
    rows = [Pair(image="1.jpg", image_id="1", caption="A dog", negative=n, kind="k", source="s") for n in "xy"]
    write_pairs(tmp_path / "p.parquet", rows, PairsMeta())
    found, _ = read_captions(tmp_path / "p.parquet", rejects := [])
    assert found == [Captions("1.jpg", "1", ("A dog",))]
    assert rejects == []


def test_bad_rows_are_told_by_reason(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").touch()
    bad = {
        "no_image_name": {"caption": "A dog"},
        "bad_image_path": {"image": "../1.jpg", "caption": "A dog"},
        "missing_image": {"image": "9.jpg", "caption": "A dog"},
        "missing_caption": {"image": "1.jpg"},
        "empty_caption": {"image": "1.jpg", "caption": " "},
        "over_long_text": {"image": "1.jpg", "caption": "x" * 1001},
        "control_characters": {"image": "1.jpg", "caption": "A\x07dog"},
        "duplicate_caption": {"image": "1.jpg", "captions": ["A cow", "A cow"]},
        "wrong_type": {"image": "1.jpg", "captions": "A dog"},
    }
    rejects: list[Reject] = []
    found, _ = read_captions(jsonl(tmp_path, *bad.values()), rejects, root=tmp_path)
    assert [reject.reason for reject in rejects] == list(bad)
    assert set(bad) | {"wrong_cell_count"} == set(REASONS)
    assert found == [Captions("1.jpg", "1", ("A cow",))]


WRONG_TYPES: list[object] = [
    {"image_id": "1", "captions": "A dog"},
    {"image": "1.jpg", "captions": ["A dog", 5]},
    {"image": 1, "caption": "A dog"},
    {"image": "1.jpg", "image_id": [1], "caption": "A dog"},
    ["1.jpg", "A dog"],
    "A dog",
    None,
]


@pytest.mark.parametrize("row", WRONG_TYPES, ids=str)
def test_a_row_of_another_type_is_counted_and_the_rows_around_it_are_read(tmp_path: Path, row: object) -> None:
    good = {"image": "1.jpg", "caption": "A cat", "split": "train"}
    rejects: list[Reject] = []
    found, _ = read_captions(jsonl(tmp_path, row, good, row), rejects, split="train")
    assert found == [Captions("1.jpg", "1", ("A cat",), "train")]
    assert [(r.where, r.reason) for r in rejects] == [(f"captions.jsonl, line {n}", "wrong_type") for n in (1, 3)]
    assert rejects[0].detail.startswith("Expected")


def test_what_nobody_reads_may_be_anything(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_bytes(b'{"image": "1.jpg", "caption": "A cat", "x": 1e999, "y": "\xff"}\n')
    rejects: list[Reject] = []
    assert read_captions(file, rejects)[0] == [Captions("1.jpg", "1", ("A cat",))]
    assert rejects == []
    file.write_bytes(b'{"image": "1.jpg", "caption": "A cat"}\n{"image": "2.jpg", "caption": "\xff"}\n')
    with pytest.raises(HairsplitError, match="not UTF-8") as caught:
        read_captions(file, [])
    assert caught.value.where == f"{file}, line 2"


def test_a_file_of_rows_of_another_type_is_one_error_with_file_line_and_hint(tmp_path: Path) -> None:
    file = jsonl(tmp_path, *WRONG_TYPES)
    with pytest.raises(HairsplitError) as caught:
        read_captions(file, [])
    assert "no row can be read: Expected `array | null`, got `str` - at `$.captions`" in caught.value.message
    assert caught.value.where == f"{file}, line 1"
    assert "write one object per line" in str(caught.value.hint)


def test_split_and_excluded_images(tmp_path: Path) -> None:
    rows = [{"image": f"{n}.jpg", "caption": "A dog", "set": "train" if n else "bench"} for n in range(3)]
    found, dropped = read_captions(jsonl(tmp_path, *rows), [], split="train", excluded={"2"})
    assert ([image.image for image in found], dropped) == (["1.jpg"], 1)
    with pytest.raises(HairsplitError, match="splits in it: bench, train"):
        read_captions(jsonl(tmp_path, *rows), [], split="test")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", "", "no rows"),
        ("a.jsonl", '{"image": "1.jpg"', "torn"),
        ("a.jsonl", '{"image": "1.jpg", "caption": "A dog"}\n{"image": "1.jpg", "image": "2.jpg"}', "stands twice"),
        ("a.jsonl", b'{"image": "1.jpg", "caption": "A \xff"}', "not UTF-8"),
        ("a.csv", "picture,text\n1,2\n", "no columns image and caption"),
        ("a.csv", 'image,caption\n1.jpg,"A dog', "torn"),
        ("a.txt", "A dog", "no known kind"),
        ("b.jsonl", None, "no such file"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, text: str | bytes | None, message: str) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(HairsplitError, match=message):
        read_captions(tmp_path / name, [])
