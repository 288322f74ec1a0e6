"""The road of docs/real-data.md on a handful of real photos: import, evaluate, train three steps, evaluate, report."""

import json
import runpy
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hairsplit import api
from hairsplit.core.errors import HairsplitError

DOCS = Path(__file__).parents[1] / "docs"
KINDS = ("expert_unrelated", "esnlive_entail_vs_contradict", "sick_negation")


@pytest.fixture
def real(shared: Path) -> Path:
    folder = shared / "realdata"
    if not folder.is_dir():
        pytest.skip("there are no real photos in the shared folder")
    return folder


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def bench_rows(real: Path, each: int = 6) -> list[dict[str, Any]]:
    """The first rows of some kinds, as the file has them."""
    rows = lines(real / "flickr8k" / "triplets.jsonl")
    return [row for kind in KINDS for row in islice((r for r in rows if r["type"] == kind), each)]


def train_rows(real: Path, photos: int = 16) -> list[dict[str, Any]]:
    """Two captions of some training photos without a negative, and one against a caption of the next photo."""
    rows = lines(real / "flickr8k" / "captions.jsonl")
    chosen = list(islice((row for row in rows if row["set"] == "train"), photos))
    made = []
    for photo, other in zip(chosen, [*chosen[1:], chosen[0]], strict=True):
        said = [
            (photo["captions"][0], None),
            (photo["captions"][1], None),
            (photo["captions"][2], other["captions"][0]),
        ]
        made += [{"image": photo["image"], "caption": a, "negative": b, "type": "human"} for a, b in said]
    return made


def table(real: Path, rows: list[dict[str, Any]], out: Path) -> Path:
    annotations = out.with_suffix(".jsonl")
    annotations.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = api.import_("jsonl", annotations, out, images=real / "flickr8k" / "images", workers=1)
    assert (made.pairs, made.read) == (len(rows), len(rows))
    return out


def settings(train: Path, never: Path) -> Any:
    words = ["objective=hnc_l2", "objective.lam=0", "epoch=images", "val_share=0", "batch_size=8", "steps=3", "lr=1e-3"]
    return api.read_config(None, words, train=train, never=(never,))


def test_real_photos_go_the_whole_road(real: Path, tmp_path: Path) -> None:
    bench, train = bench_rows(real), train_rows(real)
    bench_table = table(real, bench, tmp_path / "bench.parquet")
    train_table = table(real, train, tmp_path / "train.parquet")
    before = api.evaluate("tiny", bench_table, tmp_path / "before", device="cpu")
    summary = api.train(settings(train_table, bench_table), tmp_path / "run", quiet=True)
    after = api.evaluate(tmp_path / "run", bench_table, tmp_path / "after", device="cpu")
    assert summary.steps == 3
    assert json.loads((tmp_path / "run" / "summary.json").read_text("utf-8"))["left_out"] == {}
    for record in (before, after):
        accuracy = record["overall"]["pair_accuracy"]
        assert accuracy["n"] == len(bench) == record["data"]["pairs"]
        assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
        assert {kind: found["pair_accuracy"]["n"] for kind, found in record["kinds"].items()} == Counter(
            row["type"] for row in bench
        )
    scores = [pq.read_table(tmp_path / name / "scores.parquet") for name in ("before", "after")]
    assert scores[0]["id"] == scores[1]["id"]
    assert scores[0]["positive_cosine"] != scores[1]["positive_cosine"], "three steps leave their mark"
    page = api.report([tmp_path / "before", tmp_path / "run", tmp_path / "after"], tmp_path / "report.html")
    text = page.read_text("utf-8")
    assert "data:image/" in text
    assert all(kind.replace("_", " ") in text for kind in KINDS)


def test_a_bench_photo_among_the_training_photos_is_refused(real: Path, tmp_path: Path) -> None:
    bench = bench_rows(real)
    bench_table = table(real, bench, tmp_path / "bench.parquet")
    train_table = table(real, [*train_rows(real), bench[0]], tmp_path / "train.parquet")
    with pytest.raises(HairsplitError, match="evaluation"):
        api.train(settings(train_table, bench_table), tmp_path / "run", quiet=True)


def test_the_human_hnc_rows_without_their_photos_are_counted_and_listed(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    file, out = shared / "fixtures" / "hnc" / "hnc_test_human_sample.json", tmp_path / "hnc.parquet"
    with pytest.raises(HairsplitError, match="225  missing_image"):
        api.import_("hnc_test", file, out, images=tmp_path / "photos", workers=1)
    assert not out.exists()
    assert Counter(row["reason"] for row in lines(tmp_path / "hnc.rejects.jsonl")) == {"missing_image": 225}


def test_the_script_of_the_page_writes_what_the_page_says(real: Path, tmp_path: Path) -> None:
    script = runpy.run_path(str(DOCS / "real_data.py"))
    made = {"image": ["a.jpg"], "caption": ["The cup is red."], "negative": ["The cup is blue."], "kind": ["attribute"]}
    pq.write_table(pa.table(made), tmp_path / "generated.parquet")
    script["training_table"](real, tmp_path / "generated.parquet", tmp_path / "train.csv")
    script["coco"](real, tmp_path)
    assert len((tmp_path / "train.csv").read_text("utf-8").splitlines()) == 1 + 5 * 2_220 + 1
    counts = {file.stem: len(json.loads(file.read_text("utf-8"))) for file in (tmp_path / "sugarcrepe").iterdir()}
    assert (len(counts), sum(counts.values())) == (7, 66)
    assert sum(len(json.loads(file.read_text("utf-8"))) for file in (tmp_path / "valse").iterdir()) == 15
