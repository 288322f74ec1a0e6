"""A run that watches recognition: top-1 is that of `evaluate`, and the budget ends it."""

import math
from pathlib import Path

import pytest
import yaml

from hairsplit._verbs.train import run_training
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.encoders.dual_encoder import load
from hairsplit.evaluate.forgetting import labelled_images, top_1, zero_shot
from hairsplit.train.config import TrainConfig
from tests.small_world import paint
from tests.train.conftest import material
from tests.train.small import Material, config, rows

__all__ = ["material"]  # fixtures


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Three classes of two colours each."""
    for n, name in enumerate(("red_circle", "blue_square", "green_triangle")):
        for k in range(2):
            paint(tmp_path / "classes" / name / f"{k}.png", (80 * n, 120 * k, 200 - 60 * n))
    return tmp_path / "classes"


def watched(material: Material, classes: Path, **changes: object) -> TrainConfig:
    return config(material, **{"recognition": classes, "validate_every": 2} | changes)


def test_each_validation_has_the_top_1_of_evaluate(material: Material, classes: Path, tmp_path: Path) -> None:
    run_training(watched(material, classes), tmp_path / "run", resume=False, quiet=True)
    found = [row["recognition_top1"] for row in rows(tmp_path / "run", "validation")]
    assert len(found) == 3
    labelled = labelled_images(classes)
    last = tmp_path / "run" / "checkpoints" / "last"
    for encoder, top1 in ((load(material.model), found[0]), (load(last), found[-1])):
        expected = zero_shot(encoder, labelled)["top1"].value
        assert math.isclose(top1, expected)
        assert top_1(encoder, labelled) == top1


def test_recognition_is_measured_without_validation_pairs_too(
    material: Material, classes: Path, tmp_path: Path
) -> None:
    settings = watched(material, classes, val=None, val_share=0.0)
    done = run_training(settings, tmp_path / "run", resume=False, quiet=True)
    assert done.best is None
    assert all(set(row) == {"kind", "step", "recognition_top1"} for row in rows(tmp_path / "run", "validation"))


def test_the_summary_says_why_a_run_stopped(material: Material, classes: Path, tmp_path: Path) -> None:
    settings = watched(material, classes, patience=1, lr=1e-9, steps=8, schedule="constant")
    done = run_training(settings, tmp_path / "run", resume=False, quiet=True)
    assert (done.steps, done.best) == (2, {**(done.best or {}), "step": 0})
    summary = read_json(tmp_path / "run" / "summary.json")
    assert summary["stopped"] == done.stopped == "no better macro_pair_accuracy in 1 validation up to step 2"


def test_other_pictures_are_no_resumption(material: Material, classes: Path, tmp_path: Path) -> None:
    settings = watched(material, classes)
    run_training(settings, tmp_path / "run", resume=False, quiet=True)
    moved = classes.rename(tmp_path / "moved")
    run_training(watched(material, moved), tmp_path / "run", resume=True, quiet=True)
    paint(moved / "red_circle" / "0.png", "white")
    with pytest.raises(HairsplitError, match="recognition pictures are not those"):
        run_training(watched(material, moved), tmp_path / "run", resume=True, quiet=True)


@pytest.mark.parametrize("broken", ["gone", "torn"])
def test_a_bad_recognition_set_is_found_before_the_first_step(
    broken: str, material: Material, classes: Path, tmp_path: Path
) -> None:
    if broken == "torn":
        (classes / "red_circle" / "0.png").write_bytes(b"no picture")
    settings = watched(material, classes if broken == "torn" else tmp_path / "nowhere")
    with pytest.raises(HairsplitError):
        run_training(settings, tmp_path / "run", resume=False, quiet=True)
    assert not (tmp_path / "run").exists()


def test_trackers_may_change_on_resuming(material: Material, tmp_path: Path) -> None:
    run_training(config(material), tmp_path / "run", resume=False, quiet=True)
    text = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert (text["trackers"], text["forgetting_budget"]) == ([], None)
    run_training(config(material, tracker_project="other"), tmp_path / "run", resume=True, quiet=True)
