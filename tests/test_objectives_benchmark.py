"""The comparison of objectives goes on where it was cut, records what fails, and its table says what the hits say."""

import importlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch.optim.optimizer import register_optimizer_step_post_hook

from hairsplit.core.errors import HairsplitError, StoppedError
from hairsplit.train.config import TrainConfig

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[Any]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        names = {
            "main": "objectives",
            "run": "objectives_run",
            "table": "objectives_table",
            "pairs": "objectives_pairs",
        }
        yield SimpleNamespace(**{key: importlib.import_module(name) for key, name in names.items()})
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def folder(benchmark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two objectives, one seed, two steps, the projections learning."""
    out: Path = tmp_path_factory.mktemp("bench") / "out"
    benchmark.main.main(_words(out))
    return out


def _words(out: Path) -> list[str]:
    small = ["--scenes", "40", "--steps", "2", "--batch", "4", "--seeds", "1", "--modes", "projections"]
    return [str(out), *small, "--objectives", "hnc_l2", "dpo_kl"]


def _record(folder: Path, name: str) -> Any:
    return json.loads((folder / "runs" / f"{name}.json").read_text("utf-8"))


def test_a_cut_run_goes_on_with_what_is_missing(
    benchmark: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "run-hnc_l2-projections-0"
    before = _record(folder, name)
    (folder / "runs" / f"{name}.json").unlink()
    benchmark.main.main(_words(folder))
    again = _record(folder, name)
    assert again["hits"] == before["hits"] and again["loss"] == before["loss"]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("rates ", "runs "))]
    assert len(lines) == 1 and lines[0].startswith("runs 1/1: hnc_l2, projections, seed 0")


@pytest.mark.parametrize("changed", [("--steps", "3"), ("--rate", "0.5"), ("--scenes", "41")])
def test_other_settings_are_refused(benchmark: Any, folder: Path, changed: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match="other settings"):
        benchmark.main.main([*_words(folder), *changed])


def test_an_unknown_objective_is_refused_before_anything_is_drawn(benchmark: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no objective is called 'hinge'"):
        benchmark.main.main([str(tmp_path / "new"), "--objectives", "hinge"])
    assert not (tmp_path / "new").exists()


def test_the_table_has_every_run(benchmark: Any, folder: Path) -> None:
    text = (folder / "table.md").read_text("utf-8")
    assert text.count("| projections | 1 |") == 2
    assert "retrieval - hnc_l2" in text
    rows = json.loads((folder / "runs.json").read_text("utf-8"))
    assert [(row["objective"], row["seed"]) for row in rows] == [("hnc_l2", 0), ("dpo_kl", 0)]
    svg = (folder / "figure.svg").read_text("utf-8")
    assert svg.count("dpo_kl, projections:") == 1


def test_what_fails_is_recorded_and_shown(benchmark: Any, folder: Path) -> None:
    job = benchmark.run.Job("run", "dpo_kl", "projections", 1, 1e30, 3, 4)
    record = benchmark.run.run(job, benchmark.main.shared(folder), folder / "scratch" / "test")
    assert record["state"] == "failed" and "not finite" in record["error"]
    assert not (folder / "scratch" / "test").exists()
    file = folder / "runs" / f"{job.name}.json"
    file.write_text(json.dumps(record), "utf-8")
    try:
        found = benchmark.table.read(folder)
        shown = benchmark.table.cell(found, "dpo_kl", "projections")
    finally:
        file.unlink()
    assert (shown.seeds, len(shown.failed)) == (2, 1)
    assert "**1 of 2 failed**" in benchmark.table.notes(shown)


def test_a_run_that_is_stopped_leaves_no_record(benchmark: Any, folder: Path) -> None:
    job = benchmark.run.Job("run", "hnc_l2", "projections", 3, 1e-3, 3, 4)
    hook = register_optimizer_step_post_hook(lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(StoppedError, match="step 1 of 3"):
            benchmark.main.work(job, folder)
    finally:
        hook.remove()
    assert not (folder / "runs" / f"{job.name}.json").exists()


def test_seeds_come_one_after_the_other_each_from_another_objective(benchmark: Any) -> None:
    jobs = benchmark.main.run_jobs(["a", "b"], ["lora"], {"lora": 0.1}, seeds=2, steps=5, batch=4)
    assert [(job.objective, job.seed) for job in jobs] == [("a", 0), ("b", 0), ("b", 1), ("a", 1)]


def test_the_best_rate_is_chosen_on_validation(benchmark: Any) -> None:
    def trial(lr: float, score: float | None) -> dict[str, Any]:
        job = {"mode": "lora", "lr": lr}
        return {"job": job, "state": "failed"} if score is None else {"job": job, "state": "done", "validation": score}

    choose = benchmark.main.chosen_rates
    assert choose([trial(0.1, 0.6), trial(0.2, 0.7), trial(0.3, None)]) == {"lora": 0.2}
    assert choose([trial(0.2, 0.7), trial(0.1, 0.7)]) == {"lora": 0.1}
    with pytest.raises(HairsplitError, match="every learning rate failed"):
        choose([trial(0.1, None)])


def test_the_comparison_is_with_the_defaults(benchmark: Any) -> None:
    config = TrainConfig(train=Path("none"))
    assert (config.objective.name, config.trainable) == (benchmark.table.DEFAULT, benchmark.table.DEFAULT_MODE)


def test_objectives_are_compared_on_the_seeds_that_all_have(benchmark: Any, folder: Path) -> None:
    found = benchmark.table.read(folder)
    extra = {**found.records[0], "job": {**found.records[0]["job"], "seed": 1}}
    more = replace(found, records=(*found.records, {**extra, "hits": found.records[1]["hits"]}))
    names = found.objectives
    before, after = (benchmark.table.shared_hits(one, names, "projections") for one in (found, more))
    assert set(before) == set(after) == {"hnc_l2", "dpo_kl"}
    assert all(np.array_equal(before[name]["pairs"], after[name]["pairs"]) for name in names)
    assert benchmark.table.shared_hits(found, names, "lora") == {}


def test_pairs_are_differences_of_the_same_seeds_in_the_same_mode(
    benchmark: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.pairs.main([str(folder)])
    printed = capsys.readouterr().out.splitlines()
    found = benchmark.table.read(folder)
    one, other = (benchmark.table.cell(found, name, "projections").hits for name in ("hnc_l2", "dpo_kl"))
    gain = benchmark.table.points(benchmark.table.changes(found, one, other)["gain"])
    assert printed[0] == "`projections`, each minus `hnc_l2`:"
    assert next(line for line in printed if line.startswith("| dpo_kl |")).startswith(f"| dpo_kl | {gain} |")
    assert not any(line.startswith("| hnc_l2 |") for line in printed)
    assert "full_encoder" not in "".join(printed)  # the default mode was not run, so nothing is told of it


def test_pairs_of_a_folder_without_runs_are_one_line(benchmark: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such file"):
        benchmark.pairs.main([str(tmp_path)])


def test_hits_survive_their_digits(benchmark: Any) -> None:
    for n in (1, 8, 13):
        hits = np.arange(n) % 3 == 0
        assert np.array_equal(benchmark.run.unpacked(benchmark.run.packed(hits), n), hits)
    with pytest.raises(ValueError, match="are not 20 hits"):
        benchmark.run.unpacked("ff", 20)


def test_changes_are_means_over_seeds_and_then_kinds(benchmark: Any) -> None:
    table, packed = benchmark.table, benchmark.run.packed
    clusters = {"pairs": ("x", "x", "y", "z"), "recognition": ("x", "y"), "retrieval": ("x", "y")}

    def hits(pairs: list[int], retrieval: tuple[list[int], list[int]]) -> Any:
        sides = dict(zip(("image_to_text", "text_to_image"), map(packed, retrieval), strict=True))
        found = {"pairs": packed(pairs), "recognition": packed([1, 1]), **sides}
        return table.hits({"hits": found}, clusters)

    start = hits([0, 0, 0, 1], ([1, 1], [1, 1]))
    seeds = [hits([1, 1, 1, 0], ([1, 0], [1, 1])), hits([1, 0, 0, 0], ([1, 1], [1, 1]))]
    found = table.Found(("a", "a", "a", "b"), clusters, start, (), {})
    changed = table.changes(found, start, table.mean_hits(seeds))
    assert changed["a"].value == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert changed["b"].value == -1
    assert changed["gain"].value == pytest.approx((2 / 3 - 1) / 2)
    assert changed["recognition"].value == 0
    assert changed["retrieval"].value == pytest.approx(-1 / 8)
    assert table.changes_only(found, seeds[0])["gain"] == pytest.approx(0)
