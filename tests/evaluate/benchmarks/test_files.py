"""What is missing is named exactly, with where it is published; what is torn is named with its file."""

import gzip
from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks import BENCHMARKS, Picture, prepare
from hairsplit.evaluate.benchmarks._files import find_pictures, open_folder, read_json
from tests.evaluate.benchmarks.made import make, questions
from tests.small_world import paint

SUGAR = BENCHMARKS["sugarcrepe"]
WITH_FILES = [name for name in BENCHMARKS.names() if BENCHMARKS[name].files]


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"0": {"x": 1}, "1": {"x": 1}, "0": {"x": 2}}', "utf-8")
    with pytest.raises(HairsplitError, match="the key '0' stands twice"):
        read_json(file, dict[str, dict[str, int]], "")


@pytest.mark.parametrize("name", WITH_FILES)
def test_an_empty_folder_is_told_every_file_and_its_source(name: str, tmp_path: Path) -> None:
    with pytest.raises(HairsplitError) as error:
        prepare(name, BENCHMARKS[name], tmp_path)
    for file in BENCHMARKS[name].files:
        assert f"{file.name} " in error.value.message + " "
        assert file.published in error.value.message
    assert "--allow-missing" not in error.value.hint


def test_a_folder_that_lacks_one_file_is_told_that_one(tmp_path: Path) -> None:
    make("sugarcrepe", tmp_path)
    (tmp_path / "swap_obj.json").unlink()
    with pytest.raises(HairsplitError, match="1 of 7 files are missing") as error:
        prepare("sugarcrepe", SUGAR, tmp_path)
    assert "swap_obj.json" in error.value.message
    assert "add_obj.json" not in error.value.message
    assert "--allow-missing" in error.value.hint
    partial = prepare("sugarcrepe", SUGAR, tmp_path, allow_missing=True)
    assert [file.name for file in partial.folder.missing] == ["swap_obj.json"]


def test_no_folder_at_all_is_told_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match=r"no such folder; it should hold\n    add_att.json"):
        prepare("sugarcrepe", SUGAR, tmp_path / "gone", allow_missing=True)


@pytest.mark.parametrize("place", ["{}", "data/{}", "{}.gz", "data/{}.gz"])
def test_a_file_is_found_where_it_was_unpacked_or_not(place: str, tmp_path: Path) -> None:
    make("winoground", tmp_path)
    plain = tmp_path / "examples.jsonl"
    content = plain.read_bytes()
    plain.unlink()
    path = tmp_path / place.format("examples.jsonl")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    assert len(questions("winoground", tmp_path).items) == 2


@pytest.mark.parametrize("name", WITH_FILES)
def test_pictures_that_are_missing_are_counted_by_collection(name: str, tmp_path: Path) -> None:
    make(name, tmp_path, without=1)
    with pytest.raises(HairsplitError, match="pictures are missing") as error:
        prepare(name, BENCHMARKS[name], tmp_path)
    assert any(collection.published in error.value.message for collection in BENCHMARKS[name].collections)
    assert "1 of " in error.value.message
    assert str(tmp_path) in str(error.value)


def test_missing_pictures_can_be_allowed_and_are_counted(tmp_path: Path) -> None:
    make("sugarcrepe", tmp_path, without=1)
    prepared = prepare("sugarcrepe", SUGAR, tmp_path, allow_missing=True)
    assert prepared.left_out == {"missing_image": 7}
    with pytest.raises(HairsplitError, match=r"all 2, such as 1\.jpg"):
        prepare("sugarcrepe", SUGAR, tmp_path, images=_empty(tmp_path / "empty"), allow_missing=True)


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("folder", ["val2017", "coco/val2017", "images/val2017", "images", "."])
def test_pictures_are_found_in_any_of_the_usual_folders(folder: str, tmp_path: Path) -> None:
    paint(tmp_path / folder / "1.jpg", "red")
    picture = Picture("COCO val2017", "1.jpg")
    found = find_pictures(SUGAR, [picture, picture], tmp_path, allow_missing=False)
    assert found.paths[picture].read_bytes() == (tmp_path / folder / "1.jpg").read_bytes()


def test_a_folder_of_pictures_may_be_a_link(tmp_path: Path) -> None:
    paint(tmp_path / "elsewhere" / "1.jpg", "red")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "val2017").symlink_to(tmp_path / "elsewhere")
    picture = Picture("COCO val2017", "1.jpg")
    assert find_pictures(SUGAR, [picture], tmp_path / "data", allow_missing=False).paths


@pytest.mark.parametrize("path", ["../1.jpg", "/etc/passwd", "a\\b.jpg"])
def test_a_path_that_leaves_its_folder_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "val2017").mkdir()
    with pytest.raises(HairsplitError, match="not a plain path"):
        find_pictures(SUGAR, [Picture("COCO val2017", path)], tmp_path, allow_missing=True)


@pytest.mark.parametrize("name", WITH_FILES)
def test_a_torn_file_is_named(name: str, tmp_path: Path) -> None:
    entry = BENCHMARKS[name]
    file = entry.files[0].name
    make(name, tmp_path)
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(HairsplitError) as error:
        entry.read(open_folder(name, entry.files, tmp_path, allow_missing=False))
    assert file in error.value.where
    assert error.value.hint


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", '[{"x": "y"}]', '{"x": {"y": 1}}', "7", '"word"'])
@pytest.mark.parametrize("name", WITH_FILES)
def test_a_file_of_another_shape_is_named_with_the_shape_it_should_have(name: str, text: str, tmp_path: Path) -> None:
    entry = BENCHMARKS[name]
    make(name, tmp_path)
    (tmp_path / entry.files[0].name).write_text(text)
    with pytest.raises(HairsplitError) as error:
        entry.read(open_folder(name, entry.files, tmp_path, allow_missing=False))
    assert entry.files[0].name in error.value.where
    assert "expected" in error.value.hint


def test_an_empty_caption_is_an_error_and_equal_captions_are_counted(tmp_path: Path) -> None:
    row = '{"0": {"filename": "1.jpg", "caption": "a cup", "negative_caption": "%s"}}'
    make("sugarcrepe", tmp_path, {"add_att.json": row % " A  Cup "})
    found = questions("sugarcrepe", tmp_path)
    assert (len(found.items), found.left_out) == (12, {"identical_texts": 1})
    (tmp_path / "add_att.json").write_text(row % " ")
    with pytest.raises(HairsplitError, match="a caption is empty") as error:
        questions("sugarcrepe", tmp_path)
    assert "item 0" in error.value.where


def test_files_without_an_item_are_an_error(tmp_path: Path) -> None:
    for file in SUGAR.files:
        (tmp_path / file.name).write_text("{}")
    with pytest.raises(HairsplitError, match=r"hold no item \(no rows\)"):
        prepare("sugarcrepe", SUGAR, tmp_path)
