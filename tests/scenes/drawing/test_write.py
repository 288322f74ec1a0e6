"""A drawn data set: complete, the same bytes for any number of workers, whole or not there."""

import json
from pathlib import Path

import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import file_hash
from hairsplit.core.types import Scene
from hairsplit.scenes.drawing.describe import full_description
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, DrawnWorld, is_held_out
from hairsplit.scenes.drawing.write import CHUNK, PROMPTS, DrawReport, draw
from hairsplit.scenes.readers.gqa import read_scenes

SMALL = DrawnWorld(size=24)
COUNT = 2 * CHUNK + 10
"""More than two portions of work, so that two workers have something to do."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DrawReport:
    return draw(tmp_path_factory.mktemp("one") / "d", count=COUNT, seed=5, world=SMALL, recognition=1)


def bytes_of(folder: Path) -> dict[str, str]:
    return {f.relative_to(folder).as_posix(): file_hash(f) for f in sorted(folder.rglob("*")) if f.is_file()}


def graphs(folder: Path) -> list[Scene]:
    found = list(read_scenes(folder / "scene_graphs.json"))
    assert all(isinstance(one, Scene) for one in found), "our own graphs need no cleaning"
    return [one for one in found if isinstance(one, Scene)]


def test_two_workers_write_the_same_bytes(drawn: DrawReport, tmp_path: Path) -> None:
    draw(tmp_path / "d", count=COUNT, seed=5, world=SMALL, recognition=1, workers=2)
    assert bytes_of(tmp_path / "d") == bytes_of(drawn.out)


def test_another_seed_draws_other_pictures(drawn: DrawReport, tmp_path: Path) -> None:
    draw(tmp_path / "d", count=3, seed=6, world=SMALL, recognition=0)
    name = "images/train_000000.png"
    assert bytes_of(tmp_path / "d")[name] != bytes_of(drawn.out)[name]


def test_the_report_counts_what_is_there(drawn: DrawReport) -> None:
    splits = [one.split for one in graphs(drawn.out)]
    assert drawn.scenes == {split: splits.count(split) for split in ("train", "val", "test")}
    assert sum(drawn.scenes.values()) == COUNT == len(list((drawn.out / "images").iterdir()))
    assert (drawn.recognition, str(drawn)) == (
        64,
        f"408 train, 51 val, 51 test scenes and 64 pictures of 64 classes are in {drawn.out}",
    )


def test_every_graph_has_its_picture_and_every_picture_its_graph(drawn: DrawReport) -> None:
    found = graphs(drawn.out)
    assert {one.image for one in found} == {f.name for f in (drawn.out / "images").iterdir()}
    for one in found[::25]:
        with Image.open(drawn.out / "images" / str(one.image)) as picture:
            assert (picture.size, picture.mode) == ((24, 24), "RGB")


def test_the_files_agree_on_what_is_held_out(drawn: DrawReport) -> None:
    found = graphs(drawn.out)
    assert not any(is_held_out(one) for one in found if one.split == "train")
    assert any(is_held_out(one) for one in found if one.split == "test")


def test_captions_describe_each_scene(drawn: DrawReport) -> None:
    rows = [json.loads(line) for line in (drawn.out / "captions.jsonl").read_text("utf-8").splitlines()]
    expected = [
        {"image": one.image, "split": one.split, "captions": [full_description(one)]} for one in graphs(drawn.out)
    ]
    assert rows == expected


def test_the_recognition_set_has_every_class(drawn: DrawReport) -> None:
    folders = {f.name: f for f in (drawn.out / "recognition").iterdir() if f.is_dir()}
    assert set(folders) == {f"{colour}_{shape}" for colour in COLOURS for shape in SHAPES}
    assert {len(list(folder.glob("*.png"))) for folder in folders.values()} == {1}
    assert tuple((drawn.out / "recognition" / "prompts.txt").read_text("utf-8").splitlines()) == PROMPTS


def test_a_contact_sheet_shows_some_of_the_scenes(drawn: DrawReport) -> None:
    with Image.open(drawn.out / "contact_sheet.png") as sheet:
        assert sheet.size == (10 * 132, 6 * 132)
        assert len(sheet.convert("RGB").getcolors(maxcolors=sheet.width * sheet.height) or []) > 1000


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_scenes_is_fine(tmp_path: Path, count: int) -> None:
    report = draw(tmp_path / "d", count=count, world=SMALL, recognition=0)
    assert (sum(report.scenes.values()), report.recognition) == (count, 0)
    assert not (tmp_path / "d" / "recognition").exists()
    assert (tmp_path / "d" / "contact_sheet.png").is_file()


def test_progress_is_told_in_scenes(tmp_path: Path) -> None:
    ticks: list[int] = []
    draw(tmp_path / "d", count=CHUNK + 1, world=SMALL, recognition=0, tick=ticks.append)
    assert ticks == [CHUNK, 1]


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"count": 0}, "--count"),
        ({"count": -1}, "--count"),
        ({"count": 1, "world": DrawnWorld(size=23)}, "--size"),
        ({"count": 1, "world": DrawnWorld(size=513)}, "--size"),
        ({"count": 1, "world": DrawnWorld(max_things=0)}, "--max-things"),
        ({"count": 1, "world": DrawnWorld(max_things=5)}, "--max-things"),
        ({"count": 1, "recognition": -1}, "--recognition"),
    ],
)
def test_numbers_out_of_bounds_are_named_and_nothing_is_made(
    tmp_path: Path, arguments: dict[str, object], where: str
) -> None:
    with pytest.raises(HairsplitError) as caught:
        draw(tmp_path / "d", **arguments)  # type: ignore[arg-type]
    assert caught.value.where == where
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(HairsplitError, match="exists already"):
        draw(tmp_path, count=3, world=SMALL)
    assert [f.name for f in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_stopped_half_way_leaves_nothing_and_can_be_started_again(tmp_path: Path) -> None:
    def stop(_scenes: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "d", count=5, world=SMALL, recognition=0, tick=stop)
    assert list((tmp_path / "d").iterdir()) == []
    assert draw(tmp_path / "d", count=5, world=SMALL, recognition=0).out == tmp_path / "d"
