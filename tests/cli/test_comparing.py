"""Models side by side on the command line: numbers of single evaluations, differences, files, and mistakes."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_pairs, write_pairs
from hairsplit.encoders.dual_encoder import new, save
from hairsplit.evaluate.benchmarks import BENCHMARKS
from tests.cli.conftest import Done, Hairsplit, refused
from tests.evaluate.benchmarks.made import make
from tests.small_world import SHAPE, World, constant_encoder


@pytest.fixture(scope="module")
def models(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    save(new(SHAPE, seed=9), folder / "other")
    save(constant_encoder(), folder / "constant")
    return world.model, folder / "other", folder / "constant"


Compared = tuple[Done, dict[str, Any], Path]


@pytest.fixture(scope="module")
def compared(models: tuple[Path, Path, Path], world: World, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Three models on a table, a benchmark of pairs and recognition."""
    out = tmp_path_factory.mktemp("compared") / "out"
    data = make("sugarcrepe", tmp_path_factory.mktemp("data"))
    lines: list[str] = []
    record = api.compare(
        list(models),
        [world.test, f"sugarcrepe={data}"],
        out,
        recognition=world.drawn / "recognition",
        device="cpu",
        say=lines.append,
    )
    return Done(0, "", "\n".join(lines)), record, out


def measure(record: dict[str, Any], suite: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in record["suites"] if one["name"] == suite]
    measures: dict[str, Any] = next(one for one in found["measures"] if one["name"] == name)["models"]
    return measures


def test_the_numbers_are_those_of_an_evaluation_alone(
    compared: Compared, models: tuple[Path, Path, Path], world: World, tmp_path: Path
) -> None:
    _, record, _ = compared
    alone = api.evaluate(models[1], world.test, tmp_path / "e", recognition=world.drawn / "recognition", device="cpu")
    overall = measure(record, "test", "pair accuracy")["other"]
    assert overall["estimate"] == alone["overall"]["pair_accuracy"]
    assert measure(record, "test", "mean over kinds")["other"]["estimate"] == alone["overall"]["macro_pair_accuracy"]
    for kind, part in alone["kinds"].items():
        assert measure(record, "test", kind)["other"]["estimate"] == part["pair_accuracy"]
    suite = record["suites"][0]
    assert suite["measures"][0]["text_only"] == alone["text_only"]["overall"]
    assert measure(record, "recognition", "top1")["other"]["estimate"] == alone["recognition"]["top1"]


def test_a_difference_is_that_of_the_two_numbers_and_its_test_that_of_the_items(compared: Compared) -> None:
    _, record, out = compared
    for suite in record["suites"]:
        for one in suite["measures"]:
            base = one["models"]["model"]
            assert (base["difference"], base["mcnemar"], base["p_holm"]) == (None, None, None)
            for name in ("other", "constant"):
                cell = one["models"][name]
                change = cell["estimate"]["value"] - base["estimate"]["value"]
                assert cell["difference"]["value"] == pytest.approx(change, abs=1e-12)
    tables = [pq.read_table(out / "scores" / name / "test" / "scores.parquet") for name in ("model", "other")]
    hits = [[a > b for a, b in zip(t["positive_cosine"].to_pylist(), t["negative_cosine"].to_pylist(), strict=True)]
            for t in tables]  # fmt: skip
    test = measure(record, "test", "pair accuracy")["other"]["mcnemar"]
    pairs = list(zip(*hits, strict=True))
    assert (test["base_only"], test["model_only"]) == (pairs.count((True, False)), pairs.count((False, True)))
    assert record["holm"]["tests"] == 3 * 2


def test_a_constant_model_has_nothing_but_ties_and_they_are_shown(compared: Compared) -> None:
    _, record, _ = compared
    cell = measure(record, "test", "pair accuracy")["constant"]
    assert cell["estimate"]["value"] == 0
    assert cell["ties"] == cell["estimate"]["n"]


def test_every_edit_role_and_every_published_aggregate_is_there(compared: Compared, world: World) -> None:
    _, record, _ = compared
    table = pq.read_table(world.test).to_pylist()
    roles = {row["edit_role"] for row in table if row["negative"] is not None and row["edit_role"]}
    parts = record["suites"][0]["measures"]
    assert {one["name"] for one in parts if one["part"] == "edit role"} == roles
    counts = {one["name"]: one["models"]["model"]["estimate"]["n"] for one in parts if one["part"] == "edit role"}
    assert counts == {role: sum(row["edit_role"] == role for row in table) for role in roles}
    names = [one["name"] for one in record["suites"][1]["measures"] if one["part"] == "aggregate"]
    assert names == [rule.name for rule in BENCHMARKS["sugarcrepe"].aggregates]


def test_the_csv_holds_the_same_numbers(compared: Compared) -> None:
    _, record, out = compared
    with (out / "compare.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(3 * len(suite["measures"]) for suite in record["suites"])
    row = next(row for row in rows if (row["measure"], row["model"]) == ("pair accuracy", "other"))
    cell = measure(record, "test", "pair accuracy")["other"]
    assert float(row["difference_low"]) == cell["difference"]["low"]
    assert float(row["p_holm"]) == cell["p_holm"]
    assert json.loads((out / "compare.json").read_text("utf-8")) == record


def test_a_second_comparison_encodes_only_what_is_new(
    compared: Compared, models: tuple[Path, Path, Path], world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    _, record, out = compared
    images = sum(suite["data"]["images"] for suite in record["suites"])
    assert 0 < record["embeddings"]["read"] <= images  # the constant model has the first one's image tower
    words = ("compare", *models, "--on", world.test, "-o", tmp_path / "c", "--cache", out / "embeddings")
    done = hairsplit(*words, "--device", "cpu")
    assert done.code == 0, done.err
    again = json.loads((tmp_path / "c" / "compare.json").read_text("utf-8"))
    assert again["embeddings"]["encoded"] == 0
    assert again["suites"][0]["measures"][1:] == record["suites"][0]["measures"][1:]
    assert not (tmp_path / "c" / "embeddings").exists()
    memory = api.compare(models, [world.test], tmp_path / "m", cache_megabytes=0, device="cpu")
    assert not (tmp_path / "m" / "embeddings").exists()
    assert memory["suites"] == again["suites"]


def test_what_is_printed_has_the_headline_kinds_roles_and_ties(
    compared: Compared, models: tuple[Path, Path, Path], world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    cache = compared[2] / "embeddings"
    done = hairsplit("compare", *models, "--on", world.test, "-o", tmp_path / "c", "--cache", cache, "--device", "cpu")
    lines = done.out.splitlines()
    assert re.match(r"test: pair accuracy +\d+  [\d.]+ % \[.*\] +other: [\d.]+ %  [+-]\d.* p ", lines[1]), lines[1]
    assert re.match(r" +constant: 0.0 %  -", lines[2])
    cell = measure(compared[1], "test", "pair accuracy")
    ties = "/".join(str(one["ties"]) for one in cell.values())
    assert any(line.startswith("pair accuracy") and line.endswith(ties) for line in lines)
    for part in ("by kind", "by edit role"):
        assert part in lines
    assert "model on test: 0 encoded" in done.err


def test_a_report_is_made_of_it_with_the_base_first(compared: Compared, tmp_path: Path) -> None:
    page = api.report([compared[2]], tmp_path / "r.html").read_text("utf-8")
    assert page.index("model/test") < page.index("other/test")
    assert "constant/test" in page


def test_every_benchmark_can_be_compared_on(models: tuple[Path, Path, Path], tmp_path: Path) -> None:
    names = BENCHMARKS.names()
    on = [f"{name}={make(name, tmp_path / 'data' / name)}" for name in names]
    record = api.compare(models[:2], on, tmp_path / "c", device="cpu")
    assert [suite["name"] for suite in record["suites"]] == list(names)
    for suite in record["suites"]:
        alone = json.loads((tmp_path / "c/scores/other" / suite["name"] / "benchmark.json").read_text("utf-8"))
        published = [(one["name"], one["estimate"]) for one in alone["aggregates"] if one["estimate"] is not None]
        shown = [
            (one["name"], one["models"]["other"]["estimate"]) for one in suite["measures"] if one["part"] == "aggregate"
        ]
        assert sorted(shown, key=str) == sorted(published, key=str), suite["name"]


def test_data_is_one_folder_or_has_one_for_each_benchmark(models: tuple[Path, Path, Path], tmp_path: Path) -> None:
    for name in ("sugarcrepe", "winoground"):
        make(name, tmp_path / "data" / name)
    record = api.compare(models[:2], ["sugarcrepe", "winoground"], tmp_path / "c", data=tmp_path / "data", device="cpu")
    assert [suite["name"] for suite in record["suites"]] == ["sugarcrepe", "winoground"]
    one = api.compare(models[:2], ["winoground"], tmp_path / "d", data=tmp_path / "data" / "winoground", device="cpu")
    assert one["suites"][0]["measures"] == record["suites"][1]["measures"]


def test_the_same_weights_under_two_names_are_told(
    models: tuple[Path, Path, Path], world: World, tmp_path: Path
) -> None:
    save(new(SHAPE), tmp_path / "copy")  # as `world.model`
    record = api.compare([models[0], tmp_path / "copy"], [world.test], tmp_path / "c", device="cpu")
    assert record["warnings"] == ["copy and model have the same weights"]
    assert record["embeddings"]["read"] == record["embeddings"]["encoded"]  # encoded once for both


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["MODEL", "--on", "TABLE"], "only one model to compare"),
        (["MODEL", "MODEL", "--on", "TABLE"], "is named twice"),
        (["MODEL", "gone/model", "--on", "TABLE"], "gone/model: no such file or folder"),
        (["MODEL", "OTHER"], "nothing to compare on"),
        (["MODEL", "OTHER", "--on", "sugarcrap=."], "did you mean 'sugarcrepe'?"),
        (["MODEL", "OTHER", "--on", "sugarcrap"], "did you mean 'sugarcrepe'?"),
        (["MODEL", "OTHER", "--on", "sugarcrepe"], "needs a folder with its files"),
        (["MODEL", "OTHER", "--on", "TABLE", "--on", "TABLE"], "is asked for twice"),
        (["MODEL", "OTHER", "--on", "gone.parquet"], "gone.parquet"),
        (["MODEL", "OTHER", "--on", "TABLE", "--data", "."], "--data: no suite needs it"),
        (["MODEL", "OTHER", "--on", "TABLE", "--allow-missing"], "is for benchmarks"),
        (["MODEL", "OTHER", "--on", "TABLE", "--images", "text=."], "'text' is none of the suites"),
        (["MODEL", "OTHER", "--on", "TABLE", "--images", ".", "--images", ".."], "two folders for all suites"),
        (["MODEL", "OTHER", "--on", "TABLE", "--images", "EMPTY"], "no such picture"),
        (["MODEL", "OTHER", "--on", "TABLE", "--retrieval-split", "x"], "a split of no file"),
        (["MODEL", "OTHER", "--on", "TABLE", "--device", "cuda:99"], "cannot be used"),
        (["MODEL", "OTHER", "--on", "EMPTY"], "empty: is a folder, not a table of pairs"),
        (
            ["MODEL", "OTHER", "--on", "NONE", "--images", "IMAGES"],
            "none.parquet: no pair to evaluate (it has no rows)",
        ),
        (["MODEL", "OTHER", "--on", "TABLE", "--cache", "TABLE"], "test.parquet is a file"),
        (["MODEL", "OTHER", "--on", "TABLE", "--cache", "OUT"], "is where the result goes"),
        (["MODEL", "OTHER", "--on", "TABLE", "--cache", "OUT/kept"], "is where the result goes"),
        (["MODEL", "ADAPTER", "--on", "TABLE"], "holds an adapter without its model"),
    ],
)
def test_a_mistake_is_one_message_before_anything_is_encoded(  # noqa: PLR0917
    words: list[str],
    message: str,
    models: tuple[Path, Path, Path],
    world: World,
    tmp_path: Path,
    hairsplit: Hairsplit,
) -> None:
    (tmp_path / "empty").mkdir()
    model, other, _ = models
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}", "utf-8")
    table = read_pairs(world.test, None)
    write_pairs(tmp_path / "none.parquet", [], table.meta)
    named = {"MODEL": str(model), "OTHER": str(other), "TABLE": str(world.test), "EMPTY": str(tmp_path / "empty")}
    named |= {"ADAPTER": str(tmp_path / "adapter"), "NONE": str(tmp_path / "none.parquet")}
    named |= {"IMAGES": str(table.root), "OUT": str(tmp_path / "c"), "OUT/kept": str(tmp_path / "c" / "kept")}
    done = hairsplit("compare", *(named.get(word, word) for word in words), "-o", tmp_path / "c")
    assert message in refused(done)
    assert "encoded" not in done.err
    left = {file.name for file in (tmp_path / "c").rglob("*")} if (tmp_path / "c").exists() else set()
    assert left <= {"embeddings", "lock"}


def test_a_folder_with_results_is_left_alone_and_one_with_embeddings_is_gone_on_with(
    compared: Compared, models: tuple[Path, Path, Path], world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    before = (compared[2] / "compare.json").read_bytes()
    assert "exists already" in refused(hairsplit("compare", *models, "--on", world.test, "-o", compared[2]))
    assert (compared[2] / "compare.json").read_bytes() == before
    (tmp_path / "c" / "embeddings").mkdir(parents=True)
    assert hairsplit("compare", *models, "--on", world.test, "-o", tmp_path / "c", "--device", "cpu").code == 0


def test_of_several_models_the_one_that_has_diverged_is_named(
    models: tuple[Path, Path, Path], world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    broken = new(SHAPE)
    broken.model.text_projection.weight.data.fill_(float("nan"))
    save(broken, tmp_path / "broken")
    done = hairsplit("compare", models[0], tmp_path / "broken", "--on", world.test, "-o", tmp_path / "c")
    assert "broken on test, evaluation: " in refused(done)
    assert "embeddings are not finite" in done.err
    assert {path.name for path in (tmp_path / "c").iterdir()} == {"embeddings"}


def test_suites_of_one_name_have_folders_of_their_own(
    models: tuple[Path, Path, Path], world: World, tmp_path: Path
) -> None:
    table = read_pairs(world.test, None)
    images = table.root
    write_pairs(tmp_path / "recognition.parquet", table.pairs, table.meta)
    record = api.compare(
        models[:2],
        [tmp_path / "recognition.parquet"],
        tmp_path / "c",
        images=[images],
        recognition=world.drawn / "recognition",
        device="cpu",
    )
    assert [suite["name"] for suite in record["suites"]] == ["recognition", "recognition (2)"]
    assert {path.name for path in (tmp_path / "c/scores/model/recognition (2)").iterdir()} == {"ranks.parquet"}
    assert "ranks.parquet" not in {path.name for path in (tmp_path / "c/scores/model/recognition").iterdir()}
    assert api.report([tmp_path / "c"], tmp_path / "r.html").is_file()


def test_a_model_called_like_one_between_two_is_refused_and_not_left_out(
    models: tuple[Path, Path, Path], world: World, tmp_path: Path
) -> None:
    save(new(SHAPE, seed=5), tmp_path / "other@0.5")
    chosen = [models[0], models[1], tmp_path / "other@0.5"]
    seen = world.drawn / "recognition"
    with pytest.raises(HairsplitError, match=r"other@0\.5 is also what a model of --wise-ft would be called"):
        api.compare(chosen, [world.test], tmp_path / "c", wise_ft=[0.5], recognition=seen, device="cpu")
    assert not (tmp_path / "c").exists()


def test_a_warning_of_one_model_names_it_and_one_of_all_stands_alone(compared: Compared) -> None:
    _, record, out = compared
    lines = record["suites"][0]["warnings"]
    files = {name: out / "scores" / name / "test" / "metrics.json" for name in ("model", "other", "constant")}
    alone = {name: json.loads(file.read_text("utf-8"))["warnings"] for name, file in files.items()}
    common = [line for line in alone["model"] if all(line in told for told in alone.values())]
    own = [f"{name}: {line}" for name, told in alone.items() for line in told if line not in common]
    assert lines == common + own
    assert own, "models of random weights have cosines <= 0, each its own number of them"


def test_the_scores_of_a_suite_have_recognition_beside_them_whatever_the_order(compared: Compared) -> None:
    _, record, out = compared
    told = json.loads((out / "scores/other/test/metrics.json").read_text("utf-8"))
    assert told["recognition"]["top1"] == measure(record, "recognition", "top1")["other"]["estimate"]


def test_weights_that_change_while_others_are_judged_are_seen(
    models: tuple[Path, Path, Path], world: World, tmp_path: Path
) -> None:
    save(new(SHAPE, seed=2), tmp_path / "trained")

    def train_on(line: str) -> None:
        if line.startswith("model on test"):  # the first is judged, the second was loaded once
            save(new(SHAPE, seed=3), tmp_path / "trained")

    with pytest.raises(HairsplitError, match="trained: the weights have changed meanwhile"):
        api.compare([models[0], tmp_path / "trained"], [world.test], tmp_path / "c", device="cpu", say=train_on)
    assert not (tmp_path / "c" / "compare.json").exists()
