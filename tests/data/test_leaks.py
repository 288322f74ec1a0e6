"""No picture of an evaluation set is trained on, under whatever name."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, PairsTable, read_pairs, relative_root, write_pairs
from hairsplit.core.types import Pair
from hairsplit.data.leaks import content_keys, refuse_overlap


def table(folder: Path, numbers: Sequence[int], *, source: str = "photos", size: int = 8, name: str = "") -> PairsTable:
    """A table of pictures that differ by number and size, named by number."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    pairs = []
    for number in numbers:
        image = f"{name}{number}.png"
        Image.new("RGB", (size, size), (number, 2 * number, 9)).save(images / image)
        pairs.append(Pair(image=image, image_id=f"{name}{number}", caption="a", negative="b", kind="k", source=source))
    path = folder / "pairs.parquet"
    write_pairs(path, pairs, PairsMeta(relative_root(path, images)))
    return read_pairs(path)


def test_sets_without_a_common_picture_pass(tmp_path: Path) -> None:
    train = table(tmp_path / "train", range(5))
    others = [table(tmp_path / "one", range(5, 9)), table(tmp_path / "two", range(9, 12))]
    keys = [set(content_keys(one.root, [pair.image for pair in one.pairs]).values()) for one in (train, *others)]
    assert [len(found) for found in keys] == [5, 4, 3]
    assert len(set().union(*keys)) == 12, "they have no picture in common, so passing is right"
    refuse_overlap(train, others)
    refuse_overlap(train, [])


def test_a_copy_of_a_training_picture_is_found_under_another_name(tmp_path: Path) -> None:
    train = table(tmp_path / "train", range(5), source="csv")
    fine = table(tmp_path / "fine", range(20, 24), source="x")
    leaking = table(tmp_path / "leaking", range(3, 8), source="y", name="copy")
    with pytest.raises(HairsplitError, match=r"2 of its 5 images.*: copy3\.png, copy4\.png") as caught:
        refuse_overlap(train, [fine, leaking])
    assert caught.value.where == str(leaking.path)
    assert "exclude_image_ids" in caught.value.hint


def test_a_resized_copy_is_found_by_the_id_that_its_data_set_gave_it(tmp_path: Path) -> None:
    train = table(tmp_path / "train", range(5))
    with pytest.raises(HairsplitError, match="1 of its 2 images"):
        refuse_overlap(train, [table(tmp_path / "small", [4, 5], size=4)])


@pytest.mark.parametrize("sources", [("photos", "drawings"), ("csv", "csv"), ("jsonl", "jsonl")])
def test_the_same_id_in_two_data_sets_is_no_leak(tmp_path: Path, sources: tuple[str, str]) -> None:
    train = table(tmp_path / "train", range(5), source=sources[0])
    held_out = table(tmp_path / "other", range(5), source=sources[1], size=4)
    assert {pair.image_id for pair in held_out.pairs} == {pair.image_id for pair in train.pairs}
    refuse_overlap(train, [held_out])


def test_the_same_id_below_the_same_root_is_a_leak_whatever_the_source(tmp_path: Path) -> None:
    train = table(tmp_path / "one", range(5), source="csv")
    held_out = table(tmp_path / "one", [4, 6], source="jsonl")
    with pytest.raises(HairsplitError, match=r"1 of its 2 images.*: 4\.png"):
        refuse_overlap(train, [held_out])


def test_a_table_overlaps_with_itself(tmp_path: Path) -> None:
    train = table(tmp_path / "train", range(9))
    with pytest.raises(HairsplitError, match=r"9 of its 9 images.*, \.\.\."):
        refuse_overlap(train, [train])


def test_a_missing_picture_is_an_error_that_names_it(tmp_path: Path) -> None:
    train, held_out = table(tmp_path / "train", range(3)), table(tmp_path / "other", range(3, 6))
    (held_out.root / "4.png").unlink()
    with pytest.raises(HairsplitError, match=r"'4\.png'"):
        refuse_overlap(train, [held_out])
    with pytest.raises(HairsplitError, match=r"'4\.png'"):
        content_keys(held_out.root, ["3.png", "4.png"])


def test_copies_have_one_key_and_others_have_their_own(tmp_path: Path) -> None:
    root = table(tmp_path, range(20)).root
    shutil.copy(root / "3.png", root / "again.png")
    names = [path.name for path in root.iterdir()]
    keys = content_keys(root, [*names, *names], workers=3)
    assert sorted(keys) == sorted(names)
    assert keys["again.png"] == keys["3.png"]
    assert len(set(keys.values())) == 20
    assert all(0 <= key < 2**63 for key in keys.values())
    assert keys == content_keys(root, reversed(names), workers=1)


def test_keys_are_not_given_for_files_outside_the_root(tmp_path: Path) -> None:
    root = table(tmp_path, [1]).root
    with pytest.raises(HairsplitError, match="plain path"):
        content_keys(root, ["../pairs.parquet"])
