"""The whole road on a very small model: draw, caption, evaluate, train, evaluate, report, convert."""

import json
import re
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hairsplit import api
from hairsplit.encoders.dual_encoder import load, new, save
from tests.small_world import SHAPE


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the road leaves behind."""
    folder = tmp_path_factory.mktemp("road")
    started = time.monotonic()
    save(new(SHAPE), folder / "start")
    api.draw(folder / "drawn", count=200, size=24, recognition=2)
    drawn = folder / "drawn"
    for split in ("train", "val", "test"):
        graphs, table = drawn / "scene_graphs.json", folder / f"{split}.parquet"
        api.captions(graphs, table, images=drawn / "images", world="closed", split=split, max_pairs_per_image=10)
    settings = [
        *("steps=20", "warmup_steps=2", "batch_size=32", "lr=3e-3", "validate_every=10", "save_every=10"),
        *("objective=hnc_l2", "objective.weight=1", "negatives_per_image=2"),
    ]
    config = api.read_config(
        None,
        settings,
        train=folder / "train.parquet",
        val=folder / "val.parquet",
        never=(folder / "test.parquet",),
        model=str(folder / "start"),
    )
    judge(folder, folder / "start", "before")
    api.train(config, folder / "run", quiet=True)
    trained = folder / "run" / "checkpoints" / "last"  # after so few steps, the best may be the start
    judge(folder, trained, "after")
    api.report([folder / "before", folder / "run", folder / "after"], folder / "report.html", title="The road")
    api.convert(trained, folder / "open_clip", to="open_clip")
    judge(folder, folder / "open_clip", "converted")
    assert time.monotonic() - started < 60
    return folder


def judge(folder: Path, model: Path, name: str) -> None:
    drawn = folder / "drawn"
    api.evaluate(
        model,
        folder / "test.parquet",
        folder / name,
        recognition=drawn / "recognition",
        retrieval=drawn / "captions.jsonl",
        retrieval_split="test",
    )


def metrics(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return found


def test_training_lowers_the_loss(road: Path) -> None:
    rows = pq.read_table(road / "run" / "metrics.parquet").to_pylist()
    losses = [row["loss"] for row in rows if row["kind"] == "train"]
    assert losses[-1] < losses[0]
    assert [row["step"] for row in rows if row["kind"] == "validation"] == [0, 10, 20]


def test_a_run_folder_holds_all_that_is_needed_to_go_on_and_to_explain(road: Path) -> None:
    names = {f.relative_to(road / "run").as_posix() for f in (road / "run").rglob("*") if f.is_file()}
    assert names >= {
        *("config.yaml", "stamp.json", "summary.json", "trainable.json", "metrics.jsonl", "metrics.parquet"),
        *("checkpoints/best/model.safetensors", "checkpoints/last/model.safetensors"),
    }
    assert not [name for name in names if Path(name).name.startswith(".")], "nothing temporary is left"


def test_both_evaluations_are_of_the_same_items(road: Path) -> None:
    before, after = (pq.read_table(road / name / "scores.parquet").to_pydict() for name in ("before", "after"))
    assert before["id"] == after["id"]
    assert before["positive_cosine"] != after["positive_cosine"]
    assert set(before["source"]) == {"drawn:seen", "drawn:held_out"}


def test_a_converted_model_scores_the_same(road: Path) -> None:
    after, converted = metrics(road / "after"), metrics(road / "converted")
    assert converted["overall"] == after["overall"]
    assert converted["recognition"] == after["recognition"]
    assert load(road / "run" / "checkpoints" / "last").parameters_hash() == load(road / "open_clip").parameters_hash()


def test_the_report_is_one_page_that_asks_for_nothing(road: Path) -> None:
    page = (road / "report.html").read_text("utf-8")
    assert "<title>The road</title>" in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
    for kind in metrics(road / "after")["kinds"]:
        assert kind in page or kind.replace("_", " ") in page


def test_nothing_on_the_road_tells_where_it_was_walked(road: Path) -> None:
    """Tables and graphs move together: no absolute path is in them."""
    for file in (*road.glob("*.parquet"), road / "drawn" / "scene_graphs.json", road / "drawn" / "captions.jsonl"):
        assert str(road).encode() not in file.read_bytes()
