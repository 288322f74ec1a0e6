"""`hairsplit train` as typed: the thesis's YAML, and what does not go together."""

from pathlib import Path

import yaml

from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World

YAML = Path(__file__).parents[1] / "train" / "thesis" / "HNC1_L2_full.yaml"


def test_a_missing_file_is_named_by_its_key(hairsplit: Hairsplit, tmp_path: Path) -> None:
    message = refused(hairsplit("train", "--thesis-config", YAML, "--out", tmp_path / "run"))
    assert "at dataset.train_json_path: there is no ./HNC/hnc_clean_strict_train.json" in message
    assert not (tmp_path / "run").exists()


def test_two_configurations_are_refused(hairsplit: Hairsplit, tmp_path: Path) -> None:
    message = refused(hairsplit("train", "run.yaml", "--thesis-config", YAML, "--out", tmp_path / "run"))
    assert "two configurations" in message


def test_compat_needs_a_file_of_the_thesis(hairsplit: Hairsplit, world: World, tmp_path: Path) -> None:
    message = refused(hairsplit("train", f"train={world.train}", "--compat", "--out", tmp_path / "run"))
    assert "--compat: means nothing without --thesis-config" in message


def test_an_unknown_tracker_is_one_clear_message(hairsplit: Hairsplit, world: World, tmp_path: Path) -> None:
    message = refused(hairsplit("train", f"train={world.train}", "trackers=wandbb", "--out", tmp_path / "run"))
    assert "no tracker is called 'wandbb'; did you mean 'wandb'?" in message


def test_a_run_that_stops_early_says_so(hairsplit: Hairsplit, world: World, tmp_path: Path) -> None:
    words = {"train": world.train, "model": world.model, "lr": "1e-9", "batch_size": 8, "steps": 6, "warmup_steps": 1}
    more = {"patience": 1, "validate_every": 1}
    done = hairsplit("train", *(f"{key}={value}" for key, value in (words | more).items()), "--out", tmp_path / "run")
    assert done.code == 0, done
    assert "stopped early: no better macro_pair_accuracy in 1 validation up to step 1" in done.out
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["patience"] == 1
