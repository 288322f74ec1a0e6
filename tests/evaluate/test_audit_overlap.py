"""Planted overlaps are found by the way they were planted, and by no other."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, write_pairs
from hairsplit.core.types import Pair
from hairsplit.evaluate.audit_columns import columns_of
from hairsplit.evaluate.audit_overlap import Pictures, compare_pictures, copies_inside, pictures_of, pictures_of_table


def picture(path: Path, seed: int, size: int = 96) -> None:
    """A smooth picture unlike those of other seeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((192, 192), Image.Resampling.BICUBIC).resize((size, size)).save(path)


def row(image: str, source: str = "data set") -> Pair:
    return Pair(image=image, image_id=Path(image).stem, caption="a cup", negative="a hat", kind="object", source=source)


@pytest.fixture
def mine(tmp_path: Path) -> Pictures:
    for n in range(4):
        picture(tmp_path / "mine" / f"{n}.png", n)
    return pictures_of_table(columns_of(row(f"{n}.png") for n in range(5)), tmp_path / "mine", "mine")


def test_pictures_that_are_not_there_are_counted(mine: Pictures) -> None:
    assert mine.names == ["0.png", "1.png", "2.png", "3.png"]
    assert mine.missing == 1


def test_each_way_finds_what_was_planted_for_it(mine: Pictures, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "mine" / "0.png", _folder(tmp_path / "other") / "copy.png")
    picture(tmp_path / "other" / "resized.jpg", 1, size=60)
    picture(tmp_path / "other" / "3.png", 103)  # another picture of the same name
    picture(tmp_path / "other" / "new.png", 104)
    found = compare_pictures(mine, pictures_of(tmp_path / "other"), workers=1)
    assert found["images"] == ["0.png", "1.png"]
    assert (found["id"], found["name"], found["content"], found["look"], found["overlap"]) == (0, 1, 1, 2, 2)
    assert found["pictures"] == 4
    assert found["missing"] == {"mine": 1, "theirs": 0}
    ways = {one["mine"]: (one["theirs"], one["ways"]) for one in found["examples"]}
    assert ways == {"0.png": ("copy.png", ["content", "look"]), "1.png": ("resized.jpg", ["look"])}
    blind = compare_pictures(mine, pictures_of(tmp_path / "other"), look=False, workers=1)
    assert (blind["images"], blind["look"]) == (["0.png"], None)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


@pytest.mark.parametrize(("source", "shared"), [("data set", 2), ("another", 0), ("jsonl", 0)])
def test_ids_count_within_one_data_set_only(mine: Pictures, tmp_path: Path, source: str, shared: int) -> None:
    for n in (2, 3, 9):
        picture(tmp_path / "theirs" / f"{n}.png", 200 + n)
    table = tmp_path / "t.parquet"
    write_pairs(table, [row(f"{n}.png", source) for n in (2, 3, 9)], PairsMeta("theirs"))
    found = compare_pictures(mine, pictures_of(table), workers=1)
    assert (found["id"], found["overlap"], found["name"]) == (shared, shared, 2)


def test_a_picture_that_is_not_there_is_still_found_by_id(tmp_path: Path) -> None:
    one = pictures_of_table(columns_of([row("a.png")]), tmp_path / "nowhere", "one")
    two = pictures_of_table(columns_of([row("a.png")]), tmp_path / "elsewhere", "two")
    found = compare_pictures(one, two, workers=1)
    assert (found["id"], found["images"], found["missing"]) == (1, ["a.png"], {"mine": 1, "theirs": 1})


def test_a_broken_picture_is_counted_as_not_looked_at(mine: Pictures, tmp_path: Path) -> None:
    (_folder(tmp_path / "other") / "torn.png").write_text("torn")
    found = compare_pictures(mine, pictures_of(tmp_path / "other"), workers=1)
    assert (found["unreadable"], found["overlap"]) == (1, 0)


def test_copies_inside_a_table_are_grouped(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    picture(tmp_path / "c.png", 2)
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    table = columns_of(row(name) for name in ("a.png", "b.png", "c.png"))
    assert copies_inside(pictures_of_table(table, tmp_path, "t"), workers=1) == [["a.png", "b.png"]]


def test_paths_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no picture is below this folder"):
        pictures_of(_folder(tmp_path / "empty"))
    with pytest.raises(HairsplitError, match="no such pairs table"):
        pictures_of(tmp_path / "none.parquet")
    outside = pictures_of_table(columns_of([row("../a.png")]), tmp_path, "t")
    assert (outside.names, outside.missing) == ([], 1)
