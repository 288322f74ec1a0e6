"""`hairsplit captions --from-text` on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hairsplit.cli.main import app
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import iterate_pairs

GIVEN = {"image": "a.jpg", "captions": ["A man in a red shirt sits on a bench .", "Two dogs run in the snow ."]}


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    file = tmp_path / "captions.jsonl"
    file.write_text(json.dumps(GIVEN) + '\n{"caption": "A dog"}\n', "utf-8")
    return file


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["captions", *map(str, words)], catch_exceptions=True)
    if isinstance(result.exception, HairsplitError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_it_makes_a_table_and_says_what_is_in_it(captions: Path, tmp_path: Path) -> None:
    said = run("--from-text", captions, "--out", tmp_path / "p.parquet", "--negatives", 2)
    pairs = list(iterate_pairs(tmp_path / "p.parquet"))
    assert f"{len(pairs)} pairs of 1 image" in said
    assert "replace_attribute" in said
    assert "row: no_image_name" in said
    assert "p.rejects.jsonl" in said
    assert "not balanced" in said


def test_families_choose_rules(captions: Path, tmp_path: Path) -> None:
    run("--from-text", captions, "--out", tmp_path / "p.parquet", "--families", "shuffle_trigrams")
    assert {pair.kind for pair in iterate_pairs(tmp_path / "p.parquet")} == {"shuffle_trigrams"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["graphs.json", "--from-text", "{file}"],
            "both given\n  hint: to have graphs.json judge .*--graphs graphs.json",
        ),
        ([], "neither scene graphs nor --from-text"),
        (["graphs.json", "--graphs", "graphs.json"], "--graphs goes with --from-text only"),
        (["--from-text", "{file}", "--families", "swap_atribute"], "did you mean 'swap_attribute'"),
        (["--from-text", "{file}", "--shard", "1/2"], "--shard goes with scene graphs only"),
        (["--from-text", "nowhere.jsonl"], "no such file"),
        (["--from-text", "{file}", "--world", "round"], "no world is called 'round'"),
    ],
)
def test_mistakes(captions: Path, tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(HairsplitError, match=message):
        run(*(word.format(file=captions) for word in words), "--out", tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()


def test_help_tells_of_both_sources() -> None:
    said = run("--help")
    assert "--from-text" in said
    assert "--graphs" in said
