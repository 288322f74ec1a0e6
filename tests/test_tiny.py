"""The small model that comes with the package: what its documentation says of it is true of the weights shipped."""

import json
from functools import cache
from pathlib import Path

import pytest

from hairsplit.captions.table import write_captions
from hairsplit.core.tables import read_pairs
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.evaluate.forgetting import labelled_images, zero_shot
from hairsplit.evaluate.suite import validation_metrics
from hairsplit.scenes.drawing.sample import DrawnWorld
from hairsplit.scenes.drawing.write import draw

ROOT = Path(__file__).parents[1]


@cache
def tiny() -> DualEncoder:
    return load("tiny")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "drawn"
    draw(folder, count=150, seed=77, world=DrawnWorld(size=48), recognition=5)
    return folder


def test_the_log_of_its_pretraining_is_of_these_weights() -> None:
    log = json.loads((ROOT / "docs" / "tiny" / "pretraining.json").read_text("utf-8"))
    assert log["weights_hash"] == tiny().parameters_hash()
    assert log["parameters"] == sum(p.numel() for p in tiny().parameters())
    for number, stage in enumerate(log["stages"]):
        last = (ROOT / "docs" / "tiny" / f"stage{number}.jsonl").read_text("utf-8").splitlines()[-1]
        assert json.loads(last)["step"] == stage["stage"]["steps"]


def test_its_weights_stay_below_twelve_megabytes() -> None:
    folder = ROOT / "src" / "hairsplit" / "encoders" / "tiny"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 12_000_000


def test_it_recognises_single_objects(drawn: Path) -> None:
    found = zero_shot(tiny(), labelled_images(drawn / "recognition"))["top1"]
    assert found.n == 320
    assert found.value >= 0.9


def test_it_is_weak_at_relations_and_roles(drawn: Path, tmp_path: Path) -> None:
    made = write_captions(
        drawn / "scene_graphs.json",
        drawn / "images",
        tmp_path / "pairs.parquet",
        world="closed",
        families=["relation", "role_swap"],
    )
    assert made.rows > 500
    found = validation_metrics(tiny(), read_pairs(tmp_path / "pairs.parquet"))
    for kind in ("relation", "role_swap"):
        assert 0.4 < found[f"pair_accuracy/{kind}"] < 0.66
