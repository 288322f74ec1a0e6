"""A benchmark on the command line: every number with n, interval, chance, and the suite's own tie rule beside ours."""

from pathlib import Path

import pytest

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
