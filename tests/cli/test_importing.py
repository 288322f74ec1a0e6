"""Lists of images to leave out, as users write them."""

from pathlib import Path

import pytest

from tests.cli.conftest import Hairsplit, refused

ROWS = (
    '{"image": "a.jpg", "caption": "a cup", "negative": "a jug"}\n'
    '{"image": "b.jpg", "caption": "a dog", "negative": "a cat"}\n'
)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text(ROWS, "utf-8")


WORDS = ("import", "jsonl", "rows.jsonl", "--images", ".", "--check-images", "none", "--out", "p.parquet")


@pytest.mark.usefixtures("rows")
def test_a_list_that_names_no_image_of_the_file_is_said(hairsplit: Hairsplit) -> None:
    Path("ids.txt").write_text("\ufeffc\n\nd\n", "utf-8")
    done = hairsplit(*WORDS, "--exclude-images", "ids.txt")
    assert "no row is of the 2 images to leave out that ids.txt names" in done.out
    Path("ids.txt").write_text("\ufeffb\n", "utf-8")
    told = hairsplit(*WORDS, "--exclude-images", "ids.txt", "--overwrite").out
    assert "1  excluded_image" in told
    assert "no row is of" not in told


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("text", ['["a"]', '{"a": 1}'])
def test_json_is_no_list_of_ids(hairsplit: Hairsplit, text: str) -> None:
    Path("ids.json").write_text(text, "utf-8")
    said = refused(hairsplit(*WORDS, "--exclude-images", "ids.json"))
    assert "this is JSON, not a list of image ids" in said
    assert not Path("p.parquet").exists()
