"""All nine shapes of the thesis's YAML train on HNC-shaped files, unchanged but for places and size."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.encoders.dual_encoder import load, new, save
from hairsplit.encoders.weights import to_openai
from tests._verbs import thesis_starts
from tests.encoders.openai_reference import SMALL, random_state
from tests.small_world import SHAPE
from tests.train import ranks
from tests.train.processes import CONTEXT
from tests.train.small import rows, same, state

SHAPES = tuple(sorted((Path(__file__).parents[1] / "train" / "thesis").glob("*.yaml")))


@dataclass(frozen=True)
class Hnc:
    """HNC-shaped files, pictures named by id, and a very small model."""

    folder: Path

    def words(self, **more: object) -> list[str]:
        """What a run of seconds changes."""
        return [
            f"dataset.train_json_path={self.folder / 'train.json'}",
            f"dataset.val_json_path={self.folder / 'val.json'}",
            f"dataset.image_folder_path={self.folder / 'images'}",
            f"model={self.folder / 'model'}",
            *(f"{key}={value}" for key, value in ({"batch_size": 8, "steps": 3, "warmup_steps": 1} | more).items()),
        ]


@pytest.fixture(scope="module")
def hnc(tmp_path_factory: pytest.TempPathFactory) -> Hnc:
    folder = tmp_path_factory.mktemp("hnc")
    (folder / "images").mkdir()
    for n in range(30):
        Image.new("RGB", (30, 24), (8 * n, 255 - 8 * n, 99)).save(folder / "images" / f"{1000 + n}.jpg")
    for name, images in (("train", range(24)), ("val", range(24, 30))):
        (folder / f"{name}.json").write_text(json.dumps({str(1000 + n): _image(n) for n in images}))
    save(new(SHAPE), folder / "model")
    return Hnc(folder)


def _image(n: int) -> dict[str, Any]:
    """Two pairs of an image, as HNC writes them."""
    captions: dict[str, Any] = {}
    for k, kind in enumerate(("attribute", "relation")):
        entry = {"type": kind, "bboxes": {}, "noisy": False, "replaced": None}
        captions[str(2 * k)] = {"caption": f"true {kind} {n}", "label": 1, "cpt_p_id": None, **entry}
        captions[str(2 * k + 1)] = {"caption": f"false {kind} {n}", "label": 0, "cpt_p_id": 2 * k, **entry}
    return {"captions": captions}


def losses(run: Path) -> list[float]:
    return [row["loss"] for row in rows(run, "train")]


@pytest.mark.parametrize("file", SHAPES, ids=lambda file: file.stem)
def test_each_shape_trains(file: Path, hnc: Hnc, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "run"
    done = api.train_thesis(file, hnc.words(**{"Val.val_size": 6}), out, quiet=True, say=said.append)
    assert done.steps == 3
    assert len(losses(out)) == 2  # the first and the last
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["objective"]["compat"] == "none"
    split = yaml.safe_load(file.read_text())["Val"]["split"]
    assert (config["val"] is None) == split
    assert (out / "data" / "val.parquet").is_file() == (not split)
    assert len(rows(out, "validation")) == 2
    for key in ("dataset.test_json_path", "deepspeed.config.zero_optimization.stage", "training.checkpoint_dir"):
        assert key in said[0]
    assert "ignored by the thesis too: " in said[0]
    assert load(out).embedding_width == SHAPE.embedding


def test_about_val_size_pairs_are_held_out_by_image(hnc: Hnc, tmp_path: Path) -> None:
    api.train_thesis(SHAPES[0], hnc.words(**{"Val.val_size": 6}), tmp_path / "run", quiet=True)
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert config["val_share"] == pytest.approx(6 / 48)
    assert config["max_val_pairs"] == 6


def test_train_size_draws_pairs(hnc: Hnc, tmp_path: Path) -> None:
    words = hnc.words(**{"training.train_size": 20, "Val.val_size": 4})
    said: list[str] = []
    api.train_thesis(SHAPES[0], words, tmp_path / "run", quiet=True, say=said.append)
    assert any(line.startswith("train: 20 pairs") for line in said), said


def test_compat_changes_the_numbers_and_is_never_the_default(hnc: Hnc, tmp_path: Path) -> None:
    file = next(file for file in SHAPES if file.stem == "HNC1_KL_full")
    words = hnc.words(**{"Val.val_size": 6})
    api.train_thesis(file, words, tmp_path / "ours", quiet=True)
    api.train_thesis(file, words, tmp_path / "theirs", quiet=True, compat=True)
    assert yaml.safe_load((tmp_path / "theirs" / "config.yaml").read_text())["objective"]["compat"] == "thesis"
    assert losses(tmp_path / "ours") != losses(tmp_path / "theirs")


def test_a_resumed_run_uses_the_tables_that_are_there(hnc: Hnc, tmp_path: Path) -> None:
    words = hnc.words(**{"Val.val_size": 6, "save_every": 1})
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    api.train_thesis(SHAPES[0], words, whole, quiet=True)
    api.train_thesis(SHAPES[0], words, cut, quiet=True)
    before = (cut / "data" / "train.parquet").stat().st_mtime_ns
    api.train_thesis(SHAPES[0], words, cut, quiet=True, resume=True)
    assert (cut / "data" / "train.parquet").stat().st_mtime_ns == before
    assert same(state(whole)["model"], state(cut)["model"])
    with pytest.raises(HairsplitError, match="no run to resume"):
        api.train_thesis(SHAPES[0], words, tmp_path / "none", resume=True)


@pytest.mark.parametrize(
    "wrong", ["model=gone.pt", "steps=many", "stepz=3", "dataset.image_folder_path=tests", "batch_size=4096"]
)
def test_a_run_that_does_not_begin_leaves_nothing(wrong: str, hnc: Hnc, tmp_path: Path) -> None:
    with pytest.raises(HairsplitError):
        api.train_thesis(SHAPES[0], [*hnc.words(**{"Val.val_size": 6}), wrong], tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_run_starts_from_a_checkpoint_of_the_thesis_which_is_evaluated_too(hnc: Hnc, tmp_path: Path) -> None:
    weights = random_state(SMALL)
    wrapped = {f"module.{name}": value.half() for name, value in weights.items()}
    tree = {"epoch": 2, "state_dict": wrapped, "optimizer": {"state": {}}, "finetune_mode": "full_encoder"}
    torch.save(tree, tmp_path / "best.pt")
    words = [*hnc.words(**{"Val.val_size": 6}), f"model={tmp_path / 'best.pt'}", "lr=1e-9"]
    api.train_thesis(SHAPES[0], words, tmp_path / "run", quiet=True)
    for name, value in to_openai(load(tmp_path / "run").model).items():
        assert torch.allclose(value, weights[name].half().float(), rtol=0, atol=1e-6), name
    record = api.evaluate(tmp_path / "best.pt", tmp_path / "run" / "data" / "train.parquet", tmp_path / "judged")
    assert record["overall"]["pair_accuracy"]["n"] == 48


def test_pictures_that_are_missing_are_left_out_and_counted(hnc: Hnc, tmp_path: Path) -> None:
    text = json.loads((hnc.folder / "train.json").read_text())
    (tmp_path / "train.json").write_text(json.dumps(text | {"77": _image(77)}))
    said: list[str] = []
    words = [*hnc.words(**{"Val.val_size": 6}), f"dataset.train_json_path={tmp_path / 'train.json'}"]
    api.train_thesis(SHAPES[0], words, tmp_path / "run", quiet=True, say=said.append)
    assert any("2 rows left out" in line for line in said), said
    assert len(read_json(tmp_path / "run" / "data" / "thesis.json")) == 31


@pytest.mark.slow
def test_two_ranks_train_on_what_the_first_imports(hnc: Hnc, tmp_path: Path) -> None:
    words, file = hnc.words(engine="ddp"), SHAPES[0]
    assert ranks.launch(thesis_starts.rank, file, words, tmp_path / "two") == [0, 0]
    assert read_json(tmp_path / "two" / "stamp.json")["ranks"] == 2
    api.train_thesis(file, hnc.words(), tmp_path / "one", quiet=True)
    for mine, theirs in zip(rows(tmp_path / "two"), rows(tmp_path / "one"), strict=True):
        assert mine.pop("kind") == theirs.pop("kind")
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["import", "imported"])
def test_a_run_killed_while_it_imports_is_begun_anew_by_torchrun(hnc: Hnc, tmp_path: Path, kill: str) -> None:
    def start(restarts: int, kill: str) -> int | None:
        arguments = (restarts, kill, SHAPES[0], hnc.words(), tmp_path / "run")
        child = CONTEXT.Process(target=thesis_starts.start, args=arguments)
        child.start()
        child.join(100)
        return child.exitcode

    assert start(0, kill) == -signal.SIGKILL
    assert start(1, "") == 0
    assert start(2, "import") == 0  # begun by now: it is resumed, and has nothing left to do
    assert rows(tmp_path / "run", "train")[-1]["step"] == 3
    assert not list((tmp_path / "run").rglob(".*"))
