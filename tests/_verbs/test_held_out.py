"""Pairs that may be wrong validate nothing: of a weak table the proved ones do, and as `val` it is refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hairsplit import api
from hairsplit._verbs.held_out import NOT_PROVED, Split, split
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.core.tables import PairsMeta, read_pairs, write_pairs
from hairsplit.core.types import Pair
from hairsplit.data.rows import open_pairs
from hairsplit.train.config import TrainConfig
from tests._verbs.test_train import own, refused
from tests.train.conftest import material
from tests.train.small import Material, config, rows

__all__ = ["material"]  # fixtures


def weaken(file: Path, *, every: Callable[[int], bool]) -> None:
    """Make a table of the weak mode of it, where the negatives of those rows rest on absence."""
    pairs = [
        replace(pair, evidence="weak_absence" if every(n) else "geometric")
        for n, pair in enumerate(read_pairs(file).pairs)
    ]
    write_pairs(file, pairs, PairsMeta("images", config={"weak_absence": True}))


def cut(chosen: TrainConfig) -> Split:
    opened = open_pairs(chosen.train)
    return split(chosen, opened, {image: n for n, image in enumerate(sorted({p.image for p in opened.pairs}))})


@pytest.fixture
def weak(material: Material, tmp_path: Path) -> TrainConfig:
    """20 pictures, two rows each: the second is weak."""
    chosen = own(material, tmp_path, val_share=0.25)
    weaken(chosen.train, every=lambda n: n % 2 == 1)
    return chosen


def test_only_proved_pairs_of_held_out_images_validate_and_the_others_train_nothing(weak: TrainConfig) -> None:
    found = cut(weak)
    assert found.val is not None
    assert {p.evidence for p in found.val.pairs} == {"geometric"}
    assert (len(found.val), len(found.train), found.left_out) == (5, 30, {NOT_PROVED: 5})
    assert {p.image for p in found.train.pairs}.isdisjoint(p.image for p in found.val.pairs)
    assert {p.evidence for p in found.train.pairs} == {"geometric", "weak_absence"}  # training keeps its own


def test_the_images_are_those_held_out_of_a_table_that_is_proved(weak: TrainConfig) -> None:
    one = cut(weak).val
    weaken(weak.train, every=lambda _: False)
    two = cut(weak)
    assert one is not None
    assert two.val is not None
    assert {p.image for p in one.pairs} == {p.image for p in two.val.pairs}
    assert (len(one), len(two.val), two.left_out) == (5, 10, {})


def test_the_limit_counts_proved_pairs(weak: TrainConfig) -> None:
    found = cut(replace(weak, max_val_pairs=3)).val
    assert found is not None
    assert len(found) == 3


def test_where_no_held_out_pair_is_proved_another_table_is_asked_for(weak: TrainConfig, tmp_path: Path) -> None:
    weaken(weak.train, every=lambda _: True)
    error = refused(weak, tmp_path / "run")
    assert "of the images held out, 10 pairs may be wrong, and none is proved" in error.message
    assert error.where == str(weak.train)
    assert "give `val` a table made without --weak-absence" in str(error.hint)
    assert not (tmp_path / "run").exists()
    assert cut(replace(weak, val_share=0)).val is None  # who validates nothing may train on them


def test_a_weak_table_without_any_negative_has_no_validation_as_any_other(weak: TrainConfig) -> None:
    pairs = [replace(p, negative=None, evidence=None) for p in read_pairs(weak.train).pairs]
    write_pairs(weak.train, pairs, PairsMeta("images", config={"weak_absence": True}))
    assert (cut(weak).val, cut(weak).left_out) == (None, {})


def test_a_run_tells_how_many_were_left_out(
    weak: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api.train(weak, tmp_path / "run")
    said = capsys.readouterr().err
    assert "30 pairs to train on, 5 to validate on" in said
    assert f"left out: 5 pairs, {NOT_PROVED}" in said
    assert read_json(tmp_path / "run" / "summary.json")["left_out"] == {NOT_PROVED: 5}
    assert rows(tmp_path / "run", "validation")


def test_a_weak_table_does_not_validate_though_all_its_rows_are_proved(material: Material, tmp_path: Path) -> None:
    val = tmp_path / "val.parquet"
    pair = Pair(image="a.png", image_id="a", caption="x", negative="y", kind="k", source="s", evidence="geometric")
    write_pairs(val, [pair], PairsMeta(".", config={"weak_absence": True}))
    error = refused(config(material, val=val), tmp_path / "run")
    assert error.message == "some of its negatives may be true: they rest on absence"
    assert error.where == f"val: {val}"
    assert "without --weak-absence" in str(error.hint)
    assert not (tmp_path / "run").exists()
    with pytest.raises(HairsplitError, match="some of its negatives may be true") as same:
        api.evaluate(str(material.model), val, tmp_path / "e")
    assert (same.value.message, same.value.hint) == (error.message, error.hint)
