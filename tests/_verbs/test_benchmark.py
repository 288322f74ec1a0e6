"""`--on BENCHMARK` through the api: what is written, what is told, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hairsplit import api
from hairsplit._verbs.benchmark import is_benchmark
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.benchmarks import BENCHMARKS
from tests.evaluate.benchmarks.made import make
from tests.small_world import SHAPE, constant_encoder, paint


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1)


def test_a_name_is_a_benchmark_unless_it_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_benchmark("sugarcrepe")
    (tmp_path / "sugarcrepe").mkdir()
    assert is_benchmark("sugarcrepe")  # a folder of that name is its data
    (tmp_path / "valse").touch()
    assert not is_benchmark("valse")
    assert not is_benchmark("gone.parquet")
    assert not is_benchmark(Path("runs") / "sugarcrepe")
    assert not is_benchmark(tmp_path)
    with pytest.raises(HairsplitError, match="neither a file nor a benchmark") as error:
        is_benchmark("SugarCrape")
    assert error.value.hint == "did you mean 'sugarcrepe'?"


@pytest.mark.parametrize("name", BENCHMARKS.names())
def test_what_is_returned_is_what_is_written(name: str, encoder: DualEncoder, tmp_path: Path) -> None:
    data, out = make(name, tmp_path / "data"), tmp_path / "out"
    record = api.evaluate(encoder, name, out, data=data, device="cpu")
    assert json.loads((out / "benchmark.json").read_text("utf-8")) == {"version": 1, **record}
    assert pq.read_metadata(out / "items.parquet").num_rows == record["items"]
    assert record["benchmark"]["name"] == record["data"]["name"] == name
    assert set(record["data"]["files"]) == {file.name for file in BENCHMARKS[name].files}
    assert (out / record["data"]["images_root"]).resolve() == data.resolve()
    if (out / "metrics.json").exists():
        assert json.loads((out / "metrics.json").read_text("utf-8")) == {"version": 1, **record}
        assert pq.read_metadata(out / "scores.parquet").num_rows == record["items"]


def test_pairs_alone_give_an_ordinary_evaluation_as_well(tmp_path: Path, encoder: DualEncoder) -> None:
    pairs = {"aro_vg_attribution", "aro_vg_relation", "hnc_test", "structure_clip_coco", "sugarcrepe", "valse"}
    pairs |= {"vl_checklist", "vsr"}
    for name in BENCHMARKS.names():
        out = tmp_path / name / "out"
        api.evaluate(encoder, name, out, data=make(name, tmp_path / name / "data"), device="cpu")
        assert (out / "metrics.json").exists() == (name in pairs), name


def test_both_tie_rules_stand_side_by_side(tmp_path: Path) -> None:
    data = make("whatsup", tmp_path / "data")
    record = api.evaluate(constant_encoder(), "whatsup", tmp_path / "out", data=data, device="cpu")
    first = record["aggregates"][0]
    assert first["estimate"]["value"] == 0
    assert first["value_by_the_suites_own_tie_rule"] == pytest.approx(1)
    assert record["items_that_tie"] == {"correct": record["items"]}
    data = make("sugarcrepe", tmp_path / "other")
    record = api.evaluate(constant_encoder(), "sugarcrepe", tmp_path / "out2", data=data, device="cpu")
    assert record["aggregates"][0]["value_by_the_suites_own_tie_rule"] == 0


def test_a_part_of_a_benchmark_is_told_to_be_one(tmp_path: Path, encoder: DualEncoder) -> None:
    data = make("sugarcrepe", tmp_path / "data", without=1)
    (data / "swap_att.json").unlink()
    with pytest.raises(HairsplitError, match="1 of 7 files are missing"):
        api.evaluate(encoder, "sugarcrepe", tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()
    record = api.evaluate(encoder, "sugarcrepe", tmp_path / "out", data=data, allow_missing=True, device="cpu")
    assert (record["items"], record["left_out"]) == (6, {"missing_image": 6})
    assert record["rejects"] == record["left_out"]
    told = "\n".join(record["warnings"])
    assert "1 of 7 files are missing and were not judged: swap_att.json" in told
    assert "6 items were judged; the published files hold 7,511" in told
    assert record["aggregates"][1]["published_groups"] == 7
    assert len(record["aggregates"][1]["parts"]) == 6


def test_what_is_forgotten_can_be_judged_beside_it(tmp_path: Path, encoder: DualEncoder) -> None:
    for colour in ("red", "blue"):
        paint(tmp_path / "classes" / colour / "1.png", colour)
    data = make("winoground", tmp_path / "data")
    record = api.evaluate(
        encoder, "winoground", tmp_path / "out", data=data, recognition=tmp_path / "classes", device="cpu"
    )
    assert record["recognition"]["top1"]["n"] == 2
    assert set(record["seconds"]) == {"benchmark", "recognition"}


@pytest.mark.parametrize(
    ("on", "options", "message"),
    [
        ("sugarcrepe", {}, "needs a folder with its files\n    add_att.json"),
        ("zero_shot", {}, "needs a folder with its files\n    pictures: class folders"),
        ("sugarcrepe", {"data": "gone"}, "no such folder; it should hold"),
        ("sugarcrepe", {"data": "data", "images": "gone"}, "no such folder of pictures"),
        ("gone.parquet", {"data": "data"}, "is a pairs table, no benchmark"),
        ("gone.parquet", {"allow_missing": True}, "is a pairs table, no benchmark"),
        ("sugarcrepe", {"data": "data", "retrieval_split": "test"}, "a split of no file"),
    ],
)
def test_a_mistake_in_asking_is_one_clear_message(
    on: str, options: dict[str, Any], message: str, tmp_path: Path, encoder: DualEncoder
) -> None:
    make("sugarcrepe", tmp_path / "data")
    paths = {key: tmp_path / value if key in {"data", "images"} else value for key, value in options.items()}
    with pytest.raises(HairsplitError) as error:
        api.evaluate(encoder, on, tmp_path / "out", **paths)
    assert message in error.value.message
    assert error.value.hint
    assert not (tmp_path / "out").exists()


def test_texts_that_the_model_reads_in_part_only_are_counted(tmp_path: Path, encoder: DualEncoder) -> None:
    long = "a " + "very " * 80 + "long caption"
    rows = {str(n): {"filename": f"{n}.jpg", "caption": long, "negative_caption": f"a cup {n}"} for n in range(3)}
    data = make("sugarcrepe", tmp_path / "data", {"add_att.json": json.dumps(rows)})
    record = api.evaluate(encoder, "sugarcrepe", tmp_path / "a", data=data, device="cpu")
    length = encoder.context_length
    assert f"1 text of more than {length} tokens, of which the model reads the first" in record["warnings"]
    record = api.evaluate(encoder, "winoground", tmp_path / "b", data=make("winoground", tmp_path / "w"), device="cpu")
    assert not any("tokens" in warning for warning in record["warnings"])
