"""The folder of a long run: what a kill can leave there, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.explain.journal import Journal, opened

PLAN: dict[str, Any] = {"names": {"model": "m"}, "model": "abc", "settings": {"layer": 0, "score": "cosine"}, "seed": 0}


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    with opened(tmp_path / "out", PLAN) as journal:
        for number in range(3):
            journal.add(number, {"rows": [[number, 0.1 + 0.2, "“é”\n"]]})
    with opened(tmp_path / "out", PLAN) as journal:
        assert journal.whole() == 3
        assert [line["rows"] for line in journal.lines()] == [[[n, 0.1 + 0.2, "“é”\n"]] for n in range(3)]
        assert journal.plan == PLAN


def test_whatever_a_kill_leaves_of_the_last_line_is_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path, PLAN)
    journal.add(0, {"rows": [1]})
    first = journal.path.read_bytes()
    journal.add(1, {"rows": [2]})
    both = journal.path.read_bytes()
    for end in range(len(first), len(both)):
        journal.path.write_bytes(both[:end])
        assert journal.whole() == 1, end
        assert journal.path.read_bytes() == first
    journal.path.write_bytes(both)
    assert journal.whole() == 2


@pytest.mark.parametrize("damage", [b"\0\0\0\n", b"[]\n", b"{}\n", b'{"picture": 5}\n', b"\xff\n"])
def test_a_damaged_line_and_all_behind_it_is_done_again(damage: bytes, tmp_path: Path) -> None:
    journal = Journal(tmp_path, PLAN)
    journal.add(0, {})
    good = journal.path.read_bytes()
    journal.path.write_bytes(good + damage + b'{"picture": 1}\n')
    assert journal.whole() == 1
    assert journal.path.read_bytes() == good


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "xyz"}, "model was abc, is now xyz"),
        ({"settings": {"layer": -1, "score": "cosine"}}, "settings.layer was 0, is now -1"),
        ({"sample": 5}, "sample was null, is now 5"),
    ],
)
def test_another_plan_is_refused_with_the_difference(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with opened(tmp_path / "out", PLAN) as journal:
        journal.add(0, {})
    before = journal.path.read_bytes()
    with (
        pytest.raises(HairsplitError, match="a run of something else") as error,
        opened(tmp_path / "out", PLAN | change),
    ):
        pass
    assert said in str(error.value)
    assert str(error.value).count("is now") == 1
    assert journal.path.read_bytes() == before


def test_names_may_change(tmp_path: Path) -> None:
    with opened(tmp_path / "out", PLAN) as journal:
        journal.add(0, {})
    with opened(tmp_path / "out", PLAN | {"names": {"model": "moved/m"}}) as journal:
        assert journal.whole() == 1


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(HairsplitError, match="exists already"), opened(tmp_path, PLAN):
        pass
    assert [child.name for child in tmp_path.iterdir()] == ["thesis.tex"]


def test_half_written_files_of_a_kill_are_removed_and_no_others(tmp_path: Path) -> None:
    for name in (".plan.json.abc", ".pairs.parquet.x1", ".write-test-q"):
        (tmp_path / name).write_bytes(b"half")
    with opened(tmp_path, PLAN):
        assert [child.name for child in tmp_path.iterdir()] == ["plan.json"]
    (tmp_path / ".notes").write_text("mine")
    with opened(tmp_path, PLAN):
        assert (tmp_path / ".notes").exists()


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    refused = pytest.raises(HairsplitError, match="another run is at work")
    with opened(tmp_path / "out", PLAN), refused, opened(tmp_path / "out", PLAN):
        pass
    with opened(tmp_path / "out", PLAN):
        pass


def test_a_torn_plan_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("[1]")
    with pytest.raises(HairsplitError, match="is no plan"), opened(tmp_path, PLAN):
        pass


def stop(folder: Path, *, done: int = 0, file: str = "") -> None:
    """A run that ends in a mistake of the user's."""
    with pytest.raises(HairsplitError, match="a mistake"), opened(folder, PLAN) as journal:
        for number in range(done):
            journal.add(number, {})
        if file:
            (folder / file).write_bytes(b"")
        raise HairsplitError("a mistake", where="test", hint="mend it")


def test_a_mistake_by_which_nothing_was_done_leaves_nothing(tmp_path: Path) -> None:
    stop(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    stop(tmp_path / "mine")
    assert not any((tmp_path / "mine").iterdir())
    with opened(tmp_path / "mine", PLAN | {"seed": 1}):  # free for another plan
        pass


@pytest.mark.parametrize("more", [{"done": 1}, {"file": "pairs.parquet"}])
def test_a_mistake_takes_nothing_away_that_was_done(more: dict[str, Any], tmp_path: Path) -> None:
    stop(tmp_path / "out", **more)
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert left == {"plan.json", "done.jsonl" if "done" in more else "pairs.parquet"}
    with opened(tmp_path / "out", PLAN):  # still of this plan
        pass


def test_any_other_end_of_a_run_leaves_its_plan(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), opened(tmp_path / "out", PLAN):
        raise KeyboardInterrupt
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["plan.json"]


def test_numbers_that_json_lacks_are_never_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, PLAN)
    with pytest.raises(ValueError, match="JSON"):
        journal.add(0, {"rows": [float("nan")]})
    assert not journal.path.exists()
    assert json.dumps(PLAN)
