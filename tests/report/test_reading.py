import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.report.reading import read_folders
from tests.report.folders import write_comparison, write_demo, write_evaluation, write_run


def test_sub_folders_of_a_run_that_are_evaluations_are_read(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    write_evaluation(tmp_path / "a" / "evaluation", skill=0.06)
    write_evaluation(tmp_path / "a" / "before")
    (tmp_path / "a" / "checkpoints").mkdir()
    found = read_folders([tmp_path / "a"])
    assert [one.label for one in found.evaluations] == ["before", "a"]
    assert [one.label for one in found.runs] == ["a"]


def test_a_folder_named_twice_is_read_once(tmp_path: Path) -> None:
    folders = write_demo(tmp_path)
    found = read_folders([*folders, folders[0], tmp_path])
    assert [one.label for one in found.evaluations] == ["before", "after"]
    assert len(found.runs) == 1


def test_equal_names_are_told_apart_by_the_folder_above(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_evaluation(tmp_path / name / "test")
    found = read_folders([tmp_path / "a" / "test", tmp_path / "b" / "test"])
    assert [one.label for one in found.evaluations] == ["a/test", "b/test"]


@pytest.mark.parametrize("make", [False, True])
def test_nothing_found_is_an_error_that_names_the_folder(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "empty"
    if make:
        folder.mkdir()
    with pytest.raises(HairsplitError, match="holds neither" if make else "no such folder") as caught:
        read_folders([folder])
    assert caught.value.where == str(folder)
    assert "hairsplit evaluate" in caught.value.hint


def test_no_folder_at_all_is_an_error() -> None:
    with pytest.raises(HairsplitError, match="no folder"):
        read_folders([])


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.pop("data"), "data is missing"),
        (lambda tree: tree["data"].pop("hash"), "data.hash is missing"),
        (lambda tree: tree["overall"].pop("pair_accuracy"), "overall.pair_accuracy is missing"),
        (lambda tree: tree["kinds"]["count"]["pair_accuracy"].pop("value"), "kinds.count.pair_accuracy.value is not a"),
        (lambda tree: tree.update(kinds=[]), "kinds is not an object"),
        (lambda tree: tree.update(version=2), "has version 2"),
        (lambda tree: tree["overall"]["pair_accuracy"].update(n=59), "has 60 rows, but metrics.json speaks of 59"),
    ],
)
def test_incomplete_metrics_say_what_is_missing(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    write_evaluation(tmp_path / "a")
    edit(tmp_path / "a" / "metrics.json", change)
    with pytest.raises(HairsplitError, match=message) as caught:
        read_folders([tmp_path / "a"])
    assert str(tmp_path / "a") in caught.value.where
    assert "again" in caught.value.hint


@pytest.mark.parametrize("name", ["metrics.json", "scores.parquet", "random.parquet"])
def test_a_torn_file_is_named(tmp_path: Path, name: str) -> None:
    write_evaluation(tmp_path / "a")
    path = tmp_path / "a" / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(HairsplitError, match="not") as caught:
        read_folders([tmp_path / "a"])
    assert caught.value.where.startswith(str(path))


def test_missing_scores_are_an_error_and_missing_random_negatives_are_not(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a")
    (tmp_path / "a" / "random.parquet").unlink()
    assert len(read_folders([tmp_path / "a"]).evaluations[0].random) == 0
    (tmp_path / "a" / "scores.parquet").unlink()
    with pytest.raises(HairsplitError, match="no such file"):
        read_folders([tmp_path / "a"])


def test_scores_without_a_column_or_with_an_id_twice_are_refused(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a")
    path = tmp_path / "a" / "scores.parquet"
    table = pq.read_table(path)
    ids = table.column("id").to_pylist()
    pq.write_table(table.set_column(0, "id", [[ids[1], *ids[1:]]]), path)
    with pytest.raises(HairsplitError, match="an id occurs twice"):
        read_folders([tmp_path / "a"])
    pq.write_table(table.drop_columns(["cluster"]), path)
    with pytest.raises(HairsplitError, match="lacks the column 'cluster'"):
        read_folders([tmp_path / "a"])


def test_unknown_ends_of_an_interval_stay_unknown(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a")
    edit(tmp_path / "a" / "metrics.json", lambda tree: tree["overall"]["margin"].update(low=None, high=None))
    margin = read_folders([tmp_path / "a"]).evaluations[0].overall.estimates["margin"]
    assert margin.low != margin.low  # NaN
    assert "avg_rand_neg" not in read_folders([tmp_path / "a"]).evaluations[0].overall.estimates


def test_a_half_written_last_line_is_left_out_and_noted(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    log = tmp_path / "a" / "metrics.jsonl"
    log.write_text(log.read_text() + '{"kind": "train", "st')
    run = read_folders([tmp_path / "a"]).runs[0]
    assert len(run.train) == 40
    assert any("half written" in note for note in run.notes)


@pytest.mark.parametrize(
    ("line", "message"), [('{"kind": "tr', "not valid JSON"), ('{"kind": "train"}', "has no step")]
)
def test_a_torn_line_in_the_middle_is_an_error_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    write_run(tmp_path / "a")
    log = tmp_path / "a" / "metrics.jsonl"
    log.write_text(line + "\n" + log.read_text())
    with pytest.raises(HairsplitError, match=message) as caught:
        read_folders([tmp_path / "a"])
    assert caught.value.where.endswith("metrics.jsonl, line 1")


def test_a_step_logged_again_after_a_resume_counts_once(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    log = tmp_path / "a" / "metrics.jsonl"
    log.write_text(log.read_text() + '{"kind": "train", "step": 7, "loss": 9.0}\n')
    train = read_folders([tmp_path / "a"]).runs[0].train
    assert len(train) == 40
    assert train[6]["loss"] == 9.0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", "[]", "is not a JSON object"),
        ("stamp.json", "{", "not valid JSON"),
        ("trainable.json", '{"rows": [{"name": "a"}]}', "rows lack"),
    ],
)
def test_a_foreign_file_in_a_run_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    write_run(tmp_path / "a")
    (tmp_path / "a" / name).write_text(content)
    with pytest.raises(HairsplitError, match=message) as caught:
        read_folders([tmp_path / "a"])
    assert caught.value.where == str(tmp_path / "a" / name)


def test_a_comparison_is_read_as_its_evaluations_in_its_order(tmp_path: Path) -> None:
    write_comparison(tmp_path, folders=["scores/new/test", "scores/old/test"])
    assert [one.label for one in read_folders([tmp_path]).evaluations] == ["new", "old"]
