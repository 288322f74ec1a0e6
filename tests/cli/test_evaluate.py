"""A benchmark on the command line: every number with n, interval, chance, and the suite's own tie rule beside ours."""

from pathlib import Path
from typing import Any

import pytest

from hairsplit import api
from hairsplit.cli.tables import evaluation_lines
from hairsplit.evaluate.benchmarks import BENCHMARKS
from tests.cli.conftest import Hairsplit, refused
from tests.evaluate.benchmarks.made import make
from tests.small_world import World


@pytest.mark.parametrize("name", BENCHMARKS.names())
def test_every_aggregate_is_printed_with_what_it_takes_to_judge_it(
    name: str, world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    data = make(name, tmp_path / "data")
    done = hairsplit("evaluate", world.model, "--on", name, "--data", data, "-o", tmp_path / "e", "--device", "cpu")
    assert done.code == 0, done.err
    entry = BENCHMARKS[name]
    lines = done.out.splitlines()
    assert lines[0] == entry.title
    for rule in entry.aggregates:
        line = next(line for line in lines if line.startswith(rule.name))
        assert "no item" in line or ("%" in line and rule.published in line)
    assert f"own tie rule: {entry.tie_rule}" in lines
    assert any(line.startswith(("text-only baseline: ", "no text-only baseline: ")) for line in lines)
    assert any(line.startswith("cite: ") and entry.reference in line for line in lines)


def test_a_part_is_printed_as_a_part(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    data = make("valse", tmp_path / "data", without=1)
    (data / "plurals.json").unlink()
    words = ("evaluate", world.model, "--on", "valse", "--data", data, "-o", tmp_path / "e")
    said = refused(hairsplit(*words))
    assert "1 of 11 files are missing\n    plurals.json" in said
    assert "raw.githubusercontent.com/Heidelberg-NLP/VALSE/main/data/plurals.json" in said
    done = hairsplit(*words, "--allow-missing")
    assert done.code == 0, done.err
    assert "mean of 11 instruments [6 of 11]" in done.out
    assert "left out: fewer_than_2_of_3_annotators_chose_the_caption 10, missing_image 4" in done.out
    assert "1 of 11 files are missing and were not judged: plurals.json" in done.out


def test_every_benchmark_is_listed_with_items_chance_and_reference(hairsplit: Hairsplit) -> None:
    out = hairsplit("list", "benchmarks").out
    for name in BENCHMARKS.names():
        line = next(line for line in out.splitlines() if line.startswith(f"  {name} "))
        assert BENCHMARKS[name].title in line
        assert BENCHMARKS[name].reference in line
        assert "chance" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "sugarcrap"], "did you mean 'sugarcrepe'?"),
        (["--on", "sugarcrepe"], "add_att.json"),
        (["--on", "sugarcrepe", "--data", "gone"], "it should hold"),
        (["--on", "gone.parquet", "--data", "."], "is a pairs table, no benchmark"),
    ],
)
def test_a_mistake_is_one_message(
    words: list[str], message: str, world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    assert message in refused(hairsplit("evaluate", world.model, *words, "-o", tmp_path / "e"))


def told(world: World, tmp_path: Path) -> dict[str, Any]:
    return api.evaluate(world.model, world.test, tmp_path / "e", device="cpu")


def test_the_edit_roles_of_a_kind_that_has_several_stand_below_it(world: World, tmp_path: Path) -> None:
    record = told(world, tmp_path)
    cells = record["edits"]["fooled"]
    for kind, part in record["kinds"].items():
        assert sum(cell["share"]["n"] for cell in cells if cell["kind"] == kind) == part["pair_accuracy"]["n"]
    share = {"value": 0.25, "low": 0.2, "high": 0.3, "n": 40, "chance": 0.5}
    few = share | {"value": 1.0, "low": None, "high": None, "n": 1}
    ten, nine = ({"value": 1.0, "low": None, "high": None, "n": n, "chance": 0.5} for n in (10, 9))
    several: list[tuple[str | None, str, Any]] = [
        ("object", "object", share),
        ("object", "subject", few),
        ("object", "both", ten),
    ]
    several += [("count", "count", share), (None, "count", few), ("attribute", "a", share), ("attribute", "b", nine)]
    record["edits"]["fooled"] = [{"kind": k, "edit_role": role, "share": one} for k, role, one in several]
    lines = list(evaluation_lines(record))
    place = next(n for n, line in enumerate(lines) if line.startswith("object "))
    assert lines[place + 1 : place + 4] == [
        f"{'  object':<34}{40:>7}  {'75.0 % [70.0, 80.0]':<24}{'50.0':>7}",
        f"{'  subject':<34}{1:>7}  {'0.0 % [unknown]':<24}{'50.0':>7}",
        f"{'  both':<34}{10:>7}  {'0.0 % [unknown]':<24}{'50.0':>7}",
    ]
    assert sum(line.startswith("  ") and line.strip()[:1].isalpha() for line in lines[1:]) == 3


def test_the_edit_that_is_furthest_ahead_is_told_if_it_is_clear(world: World, tmp_path: Path) -> None:
    record = told(world, tmp_path)
    share = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 30, "chance": 0.25}
    clear = {"edit_role": "subject", "share": share, "excess": share | {"value": 0.25, "low": 0.15, "high": 0.35}}
    unclear = {"edit_role": "object", "share": share, "excess": share | {"low": -0.1}}
    unknown = {"edit_role": "roles", "share": share, "excess": share | {"low": None}}
    record["edits"]["strongest"] = [clear, unclear, unknown]
    (line,) = [line for line in evaluation_lines(record) if "furthest ahead" in line]
    assert line.endswith(": subject in 50.0 % [40.0, 60.0] of 30 images (of their false captions it is 25.0 %)")
    record["edits"]["strongest"] = [unclear]
    assert not any("furthest ahead" in line for line in evaluation_lines(record))
    record["edits"] = None
    assert not any("furthest ahead" in line for line in evaluation_lines(record))
