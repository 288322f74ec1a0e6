"""The README's picture, drawn from two small evaluations."""

import re
import runpy
from pathlib import Path

import pytest

from tests.report.folders import write_demo, write_evaluation

SCRIPT = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "readme_picture.py"))


@pytest.mark.parametrize(
    ("text", "other", "marked"),
    [
        ("a is above b", "a is below b", "a is ‹above› b"),
        ("a red cup", "a cup", "a ‹red› cup"),
        ("a cup", "a red cup", "a cup"),
    ],
)
def test_the_edit_is_marked_on_the_side_that_has_it(text: str, other: str, marked: str) -> None:
    assert SCRIPT["edited"](text, other) == marked


def test_long_texts_are_cut_into_lines_and_lose_no_word() -> None:
    text = "the very small blue diamond is above the rather large black diamond"
    lines = SCRIPT["edited"](text, text).splitlines()
    assert len(lines) > 1 and max(map(len, lines)) <= SCRIPT["LINE"] and " ".join(lines) == text


def test_it_shows_pairs_that_changed_and_a_bar_for_each_kind_and_model(tmp_path: Path) -> None:
    write_demo(tmp_path)
    SCRIPT["main"](tmp_path, tmp_path / "picture.svg")
    drawn = (tmp_path / "picture.svg").read_text("utf-8")
    assert len(re.findall(r"true minus false: -[0-9.]+ → \+[0-9.]+", drawn)) == 3
    assert all(f">{word}<" in drawn for word in ("tiny", "fine-tuned", "relation", "count", "attribute swap"))


def test_evaluations_of_other_pairs_are_refused(tmp_path: Path) -> None:
    write_demo(tmp_path)
    write_evaluation(tmp_path / "after", pairs=30)
    with pytest.raises(SystemExit, match="not of the same pairs"):
        SCRIPT["main"](tmp_path, tmp_path / "picture.svg")
    assert not (tmp_path / "picture.svg").exists()
