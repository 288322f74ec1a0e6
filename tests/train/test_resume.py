"""A run that was killed and resumed equals an uninterrupted one, bit for bit."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_meta, read_pairs, write_pairs
from hairsplit.encoders.dual_encoder import new, save
from hairsplit.losses.objectives import StandardSpec
from hairsplit.train.config import TrainConfig
from tests.small_world import SHAPE
from tests.train.processes import STOPPED, run
from tests.train.small import Material, config, rows, same, state

pytestmark = pytest.mark.slow
STEPS = 24


def settings(material: Material, name: str) -> TrainConfig:
    """Two epochs and a half, whose steps are cut in two; with dropout, so that the random generator counts."""
    changes: dict[str, dict[str, Any]] = {
        "hnc_l2": {"objective": {"name": "hnc_l2", "schedule": {"min": 0, "max": 4, "interval": 3}}},
        "hnc_kl": {"objective": {"name": "hnc_kl", "lam": 0.5}, "trainable": "text_encoder"},
        "contrastive_dpo_l2": {"objective": "contrastive_dpo_l2", "kind_weights": {"relation": 1.5, "count": 0.5}},
    }
    return config(
        material,
        model=str(material.dropout_model),
        train=material.train.with_name("short.parquet"),
        steps=STEPS,
        accumulation=2,
        save_every=3,
        validate_every=4,
        **changes[name],
    )


@pytest.fixture(scope="module")
def runs(material: Material, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Uninterrupted runs, by objective."""
    shorten(material)
    folder = tmp_path_factory.mktemp("whole")
    names = ("hnc_l2", "hnc_kl", "contrastive_dpo_l2")
    for name in names:
        assert run(settings(material, name), folder / name) == 0
    return {name: folder / name for name in names}


def shorten(material: Material) -> None:
    """A table of which an epoch is about ten steps."""
    write_pairs(
        material.train.with_name("short.parquet"), read_pairs(material.train).pairs[:130], read_meta(material.train)
    )


def assert_equal(found: Path, expected: Path) -> None:
    one, two = state(found), state(expected)
    assert one.keys() == two.keys()
    for key in one.keys() - {"log_bytes"}:  # the speed has more digits or fewer
        assert same(one[key], two[key]), key
    assert rows(found) == rows(expected)
    for name in ("best", "last"):
        ours, theirs = (run / "checkpoints" / name / "model.safetensors" for run in (found, expected))
        assert ours.read_bytes() == theirs.read_bytes(), name
    summaries = [json.loads((run / "summary.json").read_text()) for run in (found, expected)]
    for summary in summaries:
        del summary["seconds"]
    assert summaries[0] == summaries[1]
    assert not list(found.rglob(".*"))  # nothing half-written stays


def test_the_same_run_twice_has_the_same_bits_and_the_dropout_is_on(
    material: Material, runs: dict[str, Path], tmp_path: Path
) -> None:
    whole = runs["hnc_l2"]
    assert run(settings(material, "hnc_l2"), tmp_path / "again") == 0
    assert_equal(tmp_path / "again", whole)
    plain = settings(material, "hnc_l2")
    changed = replace(plain, model=str(material.model))
    assert run(changed, tmp_path / "plain") == 0
    assert rows(tmp_path / "plain") != rows(whole)


@pytest.mark.parametrize(
    ("name", "kills"), [("hnc_l2", (1, 7, 11, 20)), ("hnc_kl", (5, 12)), ("contrastive_dpo_l2", (3, 16, 22))]
)
def test_a_run_killed_again_and_again_ends_as_if_it_had_not_been(
    material: Material, runs: dict[str, Path], tmp_path: Path, name: str, kills: tuple[int, ...]
) -> None:
    chosen, out = settings(material, name), tmp_path / "run"
    for number, until in enumerate(kills):
        assert run(chosen, out, resume=number > 0, until=until) == -signal.SIGKILL
        assert not (out / "summary.json").exists()
    assert run(chosen, out, resume=True) == 0
    assert_equal(out, runs[name])


def test_resuming_a_run_that_has_ended_changes_nothing(material: Material, runs: dict[str, Path]) -> None:
    whole = runs["hnc_kl"]
    before = {file: file.read_bytes() for file in whole.rglob("*") if file.is_file() and file.suffix != ".parquet"}
    assert run(settings(material, "hnc_kl"), whole, resume=True) == 0
    changed = [file.name for file, content in before.items() if file.read_bytes() != content]
    assert changed in ([], ["summary.json"])  # its seconds


@pytest.mark.parametrize("send", [signal.SIGINT, signal.SIGTERM])
def test_a_run_stops_between_two_steps_when_asked_and_goes_on_from_there(
    material: Material, runs: dict[str, Path], tmp_path: Path, send: signal.Signals
) -> None:
    chosen, out = settings(material, "hnc_l2"), tmp_path / "run"
    assert run(chosen, out, until=5, send=send) == STOPPED
    message = out.with_suffix(".error").read_text()
    reached = len(rows(out, "train"))
    assert 5 <= reached < STEPS
    assert f"stopped at step {reached} of {STEPS} as asked" in message
    assert "--resume" in message
    assert state(out)["step"] == reached  # nothing is lost
    assert (out / "metrics.parquet").is_file()
    assert run(chosen, out, resume=True) == 0
    assert_equal(out, runs["hnc_l2"])


def interrupted(material: Material, out: Path) -> TrainConfig:
    chosen = settings(material, "hnc_l2")
    assert run(chosen, out, until=5, send=signal.SIGINT) == STOPPED
    return chosen


def refused(chosen: TrainConfig, out: Path) -> HairsplitError:
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    with pytest.raises(HairsplitError) as caught:
        api.train(chosen, out, resume=True, quiet=True)
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    return caught.value


@pytest.fixture(scope="module")
def half(
    material: Material, runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainConfig]:
    """A run that was stopped in the middle."""
    assert runs
    out = tmp_path_factory.mktemp("half") / "run"
    return out, interrupted(material, out)


def test_another_setting_is_refused_by_name(half: tuple[Path, TrainConfig]) -> None:
    out, chosen = half
    error = refused(replace(chosen, lr=0.5, seed=3), out)
    assert error.message == "the run was started with other settings: lr was 0.001, is now 0.5; seed was 0, is now 3"
    error = refused(replace(chosen, objective=StandardSpec()), out)
    assert error.message.startswith(
        "the run was started with other settings: objective.name was hnc_l2, is now standard"
    )


def test_other_pairs_or_pictures_are_refused(
    half: tuple[Path, TrainConfig], material: Material, tmp_path: Path
) -> None:
    out, chosen = half
    ending = "are not those that the run was started with"
    error = refused(replace(chosen, train=material.train), out)
    assert error.message == f"the training pairs and the training pictures {ending}"  # this table has more pictures
    error = refused(replace(chosen, val=None), out)
    assert error.message == f"the validation pairs and the validation pictures {ending}"
    error = refused(replace(chosen, images=swapped(material, tmp_path)), out)
    assert error.message == f"the training pictures {ending}"


def swapped(material: Material, folder: Path) -> Path:
    """The same pictures, but for two that have changed places."""
    images = folder / "images"
    images.mkdir()
    for file in (material.train.parent / "drawn" / "images").iterdir():
        other = {"train_000000.png": "train_000001.png", "train_000001.png": "train_000000.png"}.get(
            file.name, file.name
        )
        (images / other).write_bytes(file.read_bytes())
    return images


def test_another_start_model_is_refused_and_the_same_one_may_lie_elsewhere(
    half: tuple[Path, TrainConfig], material: Material, tmp_path: Path
) -> None:
    out, chosen = half
    save(new(SHAPE, seed=1), tmp_path / "other")
    error = refused(replace(chosen, model=str(tmp_path / "other")), out)
    assert error.message == "the model that the run started from has changed since"
    error = refused(replace(chosen, model=str(tmp_path / "nowhere")), out)
    assert "no such" in error.message


def test_a_torn_state_or_log_is_refused(half: tuple[Path, TrainConfig]) -> None:
    out, chosen = half
    for name, message in (("state/state.pt", "torn state"), ("metrics.jsonl", "the log has"), ("config.yaml", "YAML")):
        whole = (out / name).read_bytes()
        (out / name).write_bytes(b"{" if name == "config.yaml" else whole[: len(whole) // 3])
        assert message in refused(chosen, out).message
        (out / name).write_bytes(whole)


def test_what_changes_no_number_may_change_and_files_may_move(
    half: tuple[Path, TrainConfig], runs: dict[str, Path], material: Material, tmp_path: Path
) -> None:
    out, chosen = half
    (out / "checkpoints" / ".last.abc").mkdir()  # left by a kill in the middle of writing
    moved = tmp_path / "model"
    moved.mkdir()
    for file in material.dropout_model.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    again = replace(chosen, threads=1, image_memory=0, save_every=1, model=str(moved))
    assert run(again, out, resume=True) == 0
    assert_equal(out, runs["hnc_l2"])


def test_there_must_be_a_run_to_resume(material: Material, tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no run to resume"):
        api.train(config(material), tmp_path / "new", resume=True)
    assert not (tmp_path / "new").exists()
