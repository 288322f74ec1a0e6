"""docs/tutorial.md is walked as it is read: each command is run, and its output has the lines that the page shows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Hairsplit, hairsplit

__all__ = ["hairsplit"]  # the fixture

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
_FENCE = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?")
GAP = "..."


def plain(line: str) -> str:
    """A line whose numbers and widths do not matter: they change with every family and every machine."""
    return " ".join(_NUMBER.sub("#", line).split())


def shows(expected: list[str], lines: list[str]) -> bool:
    """Whether the lines are those expected, `...` standing for any number of lines."""
    if not expected:
        return not lines
    if expected[0] == GAP:
        return any(shows(expected[1:], lines[start:]) for start in range(len(lines) + 1))
    return bool(lines) and plain(expected[0]) == plain(lines[0]) and shows(expected[1:], lines[1:])


def commands(block: str) -> Iterator[tuple[list[str], list[str]]]:
    """(words, lines that are shown below them) of a console block."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *expected = part.splitlines()
        program, *words = shlex.split(command)
        assert program == "hairsplit", command
        yield words, expected


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hairsplit: Hairsplit, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = _FENCE.findall(PAGE.read_text("utf-8"))
    assert {language for language, _ in blocks} == {"console", "python"}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, str(PAGE), "exec"), {})  # noqa: S102
            assert "tuned.safetensors: read back" in capsys.readouterr().out
            continue
        for words, expected in commands(block):
            done = hairsplit(*words)
            assert done.code == 0, done.err
            lines = [line for line in [*done.err.splitlines(), *done.out.splitlines()] if line.strip()]
            assert shows(expected, lines), f"{' '.join(words)} prints\n" + "\n".join(lines)
    made = {path.name for path in tmp_path.iterdir()}
    assert made >= {"drawn", "train.parquet", "test.parquet", "audit", "before", "run", "after", "report.html"}


def test_what_the_page_shows_is_compared_line_by_line() -> None:
    printed = ["12 pairs", "kinds:", "   7  count", "   5  object", "done in 3 s"]
    assert shows(["1,234 pairs", "kinds:", GAP, "done in 0.5 s"], printed)
    assert shows([GAP, " 1 count", GAP], printed)
    assert not shows(["1,234 pairs", "kinds:", "done in 0.5 s"], printed)
    assert not shows(["12 pairs", GAP, "3 colour", GAP], printed)
    assert not shows(["12 pairs"], printed)
    assert list(commands("$ hairsplit list\na\n...\n$ hairsplit draw --out 'x y'\n")) == [
        (["list"], ["a", GAP]),
        (["draw", "--out", "x y"], []),
    ]


@pytest.mark.parametrize("page", [PAGE, PAGE.with_name("how-to.md"), PAGE.parents[1] / "README.md"])
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
