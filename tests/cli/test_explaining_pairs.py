"""`hairsplit explain --pairs` on the command line."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hairsplit import api
from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World

FILES = ["pairs.parquet", "plan.json", "seconds.parquet", "summary.html", "summary.json"]
FAST = ("--sample", "3", "--preset", "fast")


def test_the_margins_of_a_table_are_told_kind_by_kind(world: World, hairsplit: Hairsplit, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = hairsplit("explain", world.model, "--pairs", world.test, *FAST, "-o", out)
    assert done.code == 0, done
    assert sorted(file.name for file in out.iterdir()) == FILES
    record = json.loads((out / "summary.json").read_text("utf-8"))
    rows = pq.read_table(out / "pairs.parquet").to_pylist()
    assert record["overall"]["pairs"] == len(rows)
    for kind, part in record["kinds"].items():
        mine = [row for row in rows if row["kind"] == kind]
        assert part["pairs"] == len(mine) <= 3
        for name in ("margin", "on_blank_image", "with_image"):
            assert part[name]["value"] == pytest.approx(sum(row[name] for row in mine) / len(mine))
        preferred = sum(row["margin"] > 0 for row in mine) / len(mine)
        assert part["pair_accuracy"]["value"] == pytest.approx(preferred)
        if part["blank_share"] is not None:
            ratio = sum(row["on_blank_image"] for row in mine) / sum(row["margin"] for row in mine)
            assert part["blank_share"]["value"] == pytest.approx(ratio)
        assert f"  {kind:<22}{len(mine):>6,}   " in done.out
    boxed = [row for row in rows if row["box"] == "yes"]
    heat = sum(row["positive_heat_inside"] for row in boxed) / sum(row["positive_heat"] for row in boxed)
    assert record["overall"]["heat_inside"]["value"] == pytest.approx(heat)
    assert record["overall"]["with_box"] == len(boxed) > 0
    assert f"open {out}/summary.html" in done.out

    before = {name: (out / name).read_bytes() for name in FILES}
    again = hairsplit("explain", world.model, "--pairs", world.test, *FAST, "-o", out)
    assert again.out == done.out  # nothing is left to do
    assert {name: (out / name).read_bytes() for name in FILES} == before

    other = hairsplit("explain", world.model, "--pairs", world.test, "--sample", "3", "-o", out)
    message = refused(other)
    assert "settings.text_layer was -1, is now 0" in message
    assert {name: (out / name).read_bytes() for name in FILES} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--pairs", "{test}", "--against", "a dog"), "--against does not go with --pairs"),
        (("a.png", "--pairs", "{test}"), "IMAGE does not go with --pairs"),
        (("--pairs", "{test}", "--span", "dog"), "--span does not go with --pairs"),
        (("--pairs", "gone.parquet"), "no such pairs table"),
        (("--pairs", "{test}", "--preset", "word"), "did you mean 'words'?"),
        (("--pairs", "{test}", "--images", "{model}"), "none of the first"),
        (("a.png",), "no caption is given"),
        ((), "no picture is given"),
        (("a.png", "a dog", "--sample", "3"), "--sample is for --pairs"),
        (("a.png", "a dog", "--whole-images"), "--whole-images is for --pairs"),
    ],
)
def test_mistakes_are_one_clear_message(
    words: tuple[str, ...], said: str, world: World, hairsplit: Hairsplit, tmp_path: Path
) -> None:
    given = [word.format(test=world.test, model=world.model) for word in words]
    message = refused(hairsplit("explain", world.model, *given, "-o", tmp_path / "out"))
    assert said in message
    assert not (tmp_path / "out" / "pairs.parquet").exists()


def test_the_function_says_what_the_file_says(world: World, tmp_path: Path) -> None:
    record = api.explain_pairs(
        world.model, world.test, tmp_path / "out", sample=1, preset="fast", tolerance=0.01, device="cpu"
    )
    told = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert record == told | {"went_on_from": 0}
    assert told["settings"]["tolerance"] == 0.01
