"""Real rows of real benchmarks in their published layout, end to end with the model that comes with the package."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from hairsplit import api
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.evaluate.benchmarks import BENCHMARKS
from tests.evaluate.benchmarks import real_rows


@pytest.fixture(scope="module")
def tiny() -> DualEncoder:
    return load("tiny")


def judge(tiny: DualEncoder, name: str, shared: Path, folder: Path, **options: Any) -> dict[str, Any]:
    images = getattr(real_rows, name)(shared, folder / name, **options)
    record = api.evaluate(
        tiny, name, folder / "out", data=folder / name, images=images, allow_missing=name == "valse", device="cpu"
    )
    assert json.loads((folder / "out" / "benchmark.json").read_text("utf-8")) == {"version": 1, **record}
    return record


def values(record: dict[str, Any]) -> dict[str, float]:
    return {number["name"]: number["estimate"]["value"] for number in record["aggregates"] if number["estimate"]}


def test_sugarcrepe(tiny: DualEncoder, shared: Path, tmp_path: Path) -> None:
    record = judge(tiny, "sugarcrepe", shared, tmp_path)
    assert record["items"] == 66
    rows = pq.read_table(tmp_path / "out" / "items.parquet").to_pylist()
    hits: dict[str, list[bool]] = {}
    for row in rows:
        assert row["correct"] == (row["cosines"][0] - row["cosines"][1] > 1e-6)
        hits.setdefault(row["kind"], []).append(row["correct"])
    counts = {"add_att": 4, "add_obj": 19, "replace_att": 11, "replace_obj": 11, "replace_rel": 11}
    assert {kind: len(own) for kind, own in hits.items()} == {**counts, "swap_att": 7, "swap_obj": 3}
    micro = {
        group: [hit for kind, own in hits.items() if kind.startswith(group) for hit in own]
        for group in ("add", "replace", "swap")
    }
    mean = sum(sum(own) / len(own) for own in micro.values()) / 3
    assert values(record)["mean of replace, swap, add"] == pytest.approx(mean)
    assert values(record)["all items"] == pytest.approx(sum(row["correct"] for row in rows) / 66)
    assert record["text_only"]["overall"]["n"] == 66
    assert any("the published files hold 7,511" in warning for warning in record["warnings"])
    assert record["overall"]["pair_accuracy"]["value"] == pytest.approx(values(record)["all items"])


def test_a_folder_of_pairs_can_be_reported_on(tiny: DualEncoder, shared: Path, tmp_path: Path) -> None:
    judge(tiny, "sugarcrepe", shared, tmp_path)
    page = api.report([tmp_path / "out"], tmp_path / "report.html").read_text("utf-8")
    assert "swap att" in page
    assert "data:image/" in page


def test_valse(tiny: DualEncoder, shared: Path, tmp_path: Path) -> None:
    record = judge(tiny, "valse", shared, tmp_path)
    assert (record["items"], record["left_out"]) == (14, {"fewer_than_2_of_3_annotators_chose_the_caption": 1})
    assert any(warning.startswith("8 of 11 files are missing") for warning in record["warnings"])
    first = record["aggregates"][0]
    assert (len(first["parts"]), first["published_groups"]) == (3, 7)


def test_vsr(tiny: DualEncoder, shared: Path, tmp_path: Path) -> None:
    record = judge(tiny, "vsr", shared, tmp_path)
    statements = sum(len(row["vsr"]) for row in real_rows.rows(shared / "realdata" / "coco_bench" / "captions.jsonl"))
    rows = pq.read_table(tmp_path / "out" / "items.parquet").to_pylist()
    told = {(row["images"][0], text) for row in rows for text in row["captions"]}
    assert len(told) + sum(record["counts"].values()) == statements
    assert record["items"] == 10
    ranked = pq.read_table(tmp_path / "out" / "statements.parquet").to_pydict()
    assert len(ranked["true"]) == statements
    (auc,) = (number["estimate"] for number in record["aggregates"] if number["name"] == "AUC of all statements")
    assert (auc["n"], auc["chance"]) == (statements, 0.5)
    assert auc["value"] == pytest.approx(roc_auc_score(ranked["true"], ranked["cosine"]))
    assert auc["low"] < auc["value"] < auc["high"]


def test_nlvr(tiny: DualEncoder, shared: Path, tmp_path: Path) -> None:
    record = judge(tiny, "nlvr", shared, tmp_path, most=200)
    by_kind = record["by_kind"]
    assert by_kind["image_contrast"]["correct"]["n"] > 150
    assert by_kind["shared_scene"]["correct"]["n"] > 0
    assert by_kind["shared_scene"]["correct"]["chance"] == 0.5
    assert 1 / 4 < by_kind["image_contrast"]["correct"]["chance"] < 1 / 2
    estimate = by_kind["image_contrast"]["correct"]
    assert estimate["low"] < estimate["chance"] < estimate["high"]  # tiny knows no such drawings
    assert BENCHMARKS["nlvr"].licence == "CC BY 4.0"
