"""Names of suites and models: unique, and so are the folders they give their names to."""

from pathlib import Path

import pytest

from hairsplit._verbs.asked_suites import unique_names
from hairsplit._verbs.compared_models import check_names, labels_of
from hairsplit._verbs.sweep import Between
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import folder_name


@pytest.mark.parametrize(
    ("short", "folders", "names"),
    [
        (["a", "b"], ["x", "y"], ["a", "b"]),
        (["a", "a", "b"], ["x/p", "x/q", "y"], ["p/a", "q/a", "b"]),
        (["a", "a", "a"], ["x/p", "z/p", "p"], ["p/a", "p/a (2)", "p/a (3)"]),
        (["a", "a"], [".", "."], ["a", "a (2)"]),
        (["a:b", "a_b"], ["x", "x"], ["x/a:b", "x/a_b (2)"]),
        (["A", "a"], [".", "."], ["A", "a (2)"]),
        (["a", "a", "a (2)"], [".", ".", "."], ["a", "a (2)", "a (2) (2)"]),
    ],
)
def test_names_and_their_folders_are_unique(short: list[str], folders: list[str], names: list[str]) -> None:
    assert unique_names(short, [Path(folder) for folder in folders]) == names
    assert len({folder_name(name).casefold() for name in names}) == len(names)


def test_a_model_of_a_folder_above_has_that_folders_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "inside").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "run" / "inside")
    assert labels_of(["..", "."]) == ["run", "inside"]
    assert labels_of(["tiny", "openai/clip", tmp_path / "run"]) == ["tiny", "clip", "run"]
    with pytest.raises(HairsplitError, match="is named twice"):
        labels_of(["..", tmp_path / "run"])
    with pytest.raises(HairsplitError, match="is named twice"):
        labels_of(["tiny", "tiny"])


def test_names_of_models_between_are_taken() -> None:
    between = [Between("a", "b", "b", 0.5)]
    check_names(["a", "b", "b@0.25"], between)
    with pytest.raises(HairsplitError, match=r"B@0\.5 is also what"):
        check_names(["a", "b", "B@0.5"], between)
