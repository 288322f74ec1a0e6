"""`--wise-ft`: the base is the one that the run started from, and an evaluation is of the model in between."""

from pathlib import Path
from typing import Any

import pytest

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json, write_json
from hairsplit.encoders.dual_encoder import load, new, save
from hairsplit.train.config import TrainConfig
from tests.small_world import SHAPE, World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run."""
    out = tmp_path_factory.mktemp("runs") / "run"
    settings: dict[str, Any] = {"model": str(world.model), "batch_size": 8, "steps": 3, "lr": 1e-3, "val_share": 0}
    api.train(TrainConfig(train=world.train, **settings), out, quiet=True)
    return out


def between(world: World, run: Path, alpha: float) -> str:
    return api.interpolate(load(world.model), load(run), alpha).parameters_hash()


@pytest.mark.parametrize("place", [".", "checkpoints/last"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_run_is_converted_part_of_the_way(world: World, run: Path, tmp_path: Path, place: str, alpha: float) -> None:
    said = api.convert(run / place, tmp_path / "out", to="transformers", wise_ft=alpha)
    assert load(tmp_path / "out").parameters_hash() == between(world, run, alpha)
    assert f"{alpha:g} of the way from its base to {run / place}; read back" in said
    ends = {0.0: world.model, 1.0: run}
    if alpha in ends:
        assert load(tmp_path / "out").parameters_hash() == load(ends[alpha]).parameters_hash()


def test_an_evaluation_is_of_the_model_in_between(world: World, run: Path, tmp_path: Path) -> None:
    record = api.evaluate(run, world.test, tmp_path / "half", wise_ft=0.5)
    assert record["model"]["hash"] == between(world, run, 0.5)
    assert record["model"]["name"] == f"{run} (WiSE-FT 0.5 from {world.model})"
    ends = {0.0: world.model, 1.0: run}
    for alpha, end in ends.items():
        one = api.evaluate(run, world.test, tmp_path / f"{alpha}", wise_ft=alpha)
        two = api.evaluate(end, world.test, tmp_path / f"{alpha}-end")
        assert (one["overall"], one["model"]["hash"]) == (two["overall"], two["model"]["hash"])
        scores = [(tmp_path / name / "scores.parquet").read_bytes() for name in (f"{alpha}", f"{alpha}-end")]
        assert scores[0] == scores[1]


def test_another_base_may_be_named_and_models_in_memory_need_one(world: World, run: Path, tmp_path: Path) -> None:
    other = new(SHAPE, seed=3)
    save(other, tmp_path / "other")
    api.convert(run, tmp_path / "out", to="transformers", wise_ft=0.25, base=str(tmp_path / "other"))
    expected = api.interpolate(other, load(run), 0.25)
    assert load(tmp_path / "out").parameters_hash() == expected.parameters_hash()
    with pytest.raises(HairsplitError, match="is no run of ours") as caught:
        api.evaluate(load(run), world.test, tmp_path / "none", wise_ft=0.5)
    assert "--base MODEL" in str(caught.value)
    with pytest.raises(HairsplitError, match="is no run of ours"):
        api.convert(tmp_path / "other", tmp_path / "none", to="transformers", wise_ft=0.5)
    with pytest.raises(HairsplitError, match="gone: no such file or folder"):
        api.convert(tmp_path / "gone", tmp_path / "none", to="transformers", wise_ft=0.5)
    assert not (tmp_path / "none").exists()


def test_a_base_that_has_changed_since_is_refused(run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    moved.mkdir()
    for name in ("config.yaml", "stamp.json"):
        (moved / name).write_bytes((run / name).read_bytes())
    save(load(run), moved / "checkpoints" / "last")
    stamp = read_json(moved / "stamp.json")
    write_json(moved / "stamp.json", stamp | {"start_model": "0" * 32})
    with pytest.raises(HairsplitError, match="are not those that the run started from"):
        api.convert(moved, tmp_path / "out", to="transformers", wise_ft=0.5)
    del stamp["start_model"]  # of a run from before it was stamped
    write_json(moved / "stamp.json", stamp)
    api.convert(moved, tmp_path / "out", to="transformers", wise_ft=0.5)


@pytest.mark.parametrize(
    ("options", "where", "said"),
    [
        ({"wise_ft": 1.2}, "--wise-ft", "1.2 is not between 0 and 1"),
        ({"wise_ft": -1.0}, "--wise-ft", "-1 is not between 0 and 1"),
        ({"base": "tiny"}, "--base", "means nothing without --wise-ft"),
        ({"wise_ft": 0.5, "base": "tiny"}, "WiSE-FT", "are no two states of one model"),
    ],
)
def test_what_makes_no_sense_is_said(run: Path, tmp_path: Path, options: dict[str, Any], where: str, said: str) -> None:
    with pytest.raises(HairsplitError) as caught:
        api.convert(run, tmp_path / "out", to="transformers", **options)
    assert (caught.value.where, said in caught.value.message) == (where, True)
    assert not (tmp_path / "out").exists()
