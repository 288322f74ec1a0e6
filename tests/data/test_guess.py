"""A file that is not what it was said to be is called by its name."""

import gzip
import json
from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.data.formats import FORMATS
from hairsplit.data.importing import import_pairs

SCENE = {"1": {"width": 9, "height": 9, "objects": {"5": {"name": "cup", "relations": []}}}}
KARPATHY = {"images": [{"filename": "1.jpg", "split": "test", "sentences": [{"raw": "A cup."}]}]}
SUGARCREPE = {"0": {"filename": "1.jpg", "caption": "a cup", "negative_caption": "a jug"}}


@pytest.mark.parametrize(
    ("tree", "what", "verb"),
    [
        (SCENE, "scene graphs", "hairsplit captions"),
        (KARPATHY, "captions of a retrieval set", "--on coco_retrieval"),
        (SUGARCREPE, "a file of SugarCrepe", "--on sugarcrepe"),
    ],
)
def test_files_that_are_no_pairs_are_named_with_what_they_are_for(
    tmp_path: Path, tree: object, what: str, verb: str
) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(tree), "utf-8")
    with pytest.raises(HairsplitError, match=f"it looks like .*{what}") as caught:
        import_pairs("hnc", file, tmp_path, tmp_path / "p.parquet")
    assert verb in caught.value.hint


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a pointer of Git LFS", "git lfs pull"),
        (b" <!DOCTYPE html><html>404", "a web page", "download"),
        (b"PK\x03\x04....", "a zip archive", "unpack"),
        (b"PAR1....", "a Parquet file", "annotation file"),
        (b"\xff\xd8\xff\xe0....", "a picture", "annotation file"),
    ],
)
@pytest.mark.parametrize("name", ["hnc", "coco_negatives", "hnc_test"])
def test_strangers_are_told_by_their_first_bytes(
    tmp_path: Path, name: str, content: bytes, what: str, remedy: str
) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(HairsplitError, match=f"this is {what}") as caught:
        import_pairs(name, file, tmp_path, tmp_path / "p.parquet")
    assert remedy in caught.value.hint


def test_a_file_of_which_every_row_lacks_something_is_guessed_at_too(tmp_path: Path) -> None:
    """Each line of it is a JSON object, so that nothing is wrong with the file but its format."""
    file = tmp_path / "a.json"
    file.write_text(FORMATS["hnc"].example.replace("\n", " "), "utf-8")
    with pytest.raises(HairsplitError, match="it looks like a file of the format hnc\n"):
        import_pairs("jsonl", file, tmp_path, tmp_path / "p.parquet")


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "unpacked"])
def test_every_format_may_be_gzipped_whatever_its_name(tmp_path: Path, name: str) -> None:
    entry = FORMATS[name]
    plain, zipped = tmp_path / f"a{entry.suffix}", tmp_path / f"b{entry.suffix}.gz"
    plain.write_text(entry.example, "utf-8")
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    renamed = tmp_path / f"c{entry.suffix}"
    renamed.write_bytes(zipped.read_bytes())
    found = [
        import_pairs(name, file, tmp_path, tmp_path / f"{file.name}.parquet", check_images="none").pairs
        for file in (plain, zipped, renamed)
    ]
    assert found == [found[0]] * 3
    assert found[0] > 0
    zipped.write_bytes(zipped.read_bytes()[:-9])
    with pytest.raises(HairsplitError, match="compressed data are torn"):
        import_pairs(name, zipped, tmp_path, tmp_path / "torn.parquet", check_images="none")
