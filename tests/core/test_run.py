"""Streams that never change, files that are whole or not there, and a stamp without secrets."""

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import (
    atomic_file,
    atomic_folder,
    file_hash,
    filled_folder,
    new_folder,
    number,
    read_json,
    stamp,
    stream,
    text_hash,
    writable,
    write_json,
)


def test_the_streams_are_those_of_every_earlier_release() -> None:
    """Golden: another number here means that every seed of every user gives other data."""
    assert stream(0, "image", "family").random() == 0.9136772496847884
    assert number(0, "order", 3) == 554563163506081016


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_different_names_have_different_streams(first: list[str], second: list[str]) -> None:
    clash = "\x1f".join(["", *first]) == "\x1f".join(["", *second])
    assert (number(1, *first) == number(1, *second)) is clash


def test_a_stream_depends_on_the_seed_and_on_each_name() -> None:
    keys = [(0, ("a", "b")), (1, ("a", "b")), (0, ("a", "c")), (0, ("ab",)), (0, ("a",))]
    draws = {stream(seed, *names).random() for seed, names in keys}
    assert len(draws) == 5


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("grün".encode())
    assert file_hash(tmp_path / "a") == text_hash("grün")
    assert text_hash("") == "cae66941d9efbd404e4d88758ea67670"


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "a.txt"

    def write(text: str, problem: Exception | None = None) -> None:
        with atomic_file(target) as temporary:
            temporary.write_text(text)
            if problem:
                raise problem

    with pytest.raises(RuntimeError, match="half"):
        write("torn", RuntimeError("half-way"))
    assert list(target.parent.iterdir()) == []
    write("whole")
    with pytest.raises(KeyboardInterrupt):
        write("torn", KeyboardInterrupt())  # type: ignore[arg-type]
    assert [(f.name, f.read_text()) for f in target.parent.iterdir()] == [("a.txt", "whole")]


def test_files_and_folders_have_the_permissions_of_the_user_s_mask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "file") as temporary:
            temporary.write_text("x")
        with atomic_folder(tmp_path / "folder") as temporary:
            (temporary / "x").touch()
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "model"

    def write(name: str, *, fail: bool) -> None:
        with atomic_folder(target) as temporary:
            (temporary / name).touch()
            if fail:
                raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half"):
        write("a", fail=True)
    assert list(tmp_path.iterdir()) == []
    write("a", fail=False)
    with pytest.raises(RuntimeError, match="half"):
        write("b", fail=True)
    assert [f.name for f in target.iterdir()] == ["a"]
    write("b", fail=False)
    assert [f.name for f in target.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_filled_folder_is_empty_after_a_failure_and_can_be_tried_again(tmp_path: Path) -> None:
    def fill(*, fail: bool) -> None:
        with filled_folder(tmp_path / "data") as temporary:
            (temporary / "images").mkdir()
            (temporary / "images" / "a.png").touch()
            if fail:
                raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half"):
        fill(fail=True)
    assert list((tmp_path / "data").iterdir()) == []
    fill(fail=False)
    assert [f.relative_to(tmp_path).as_posix() for f in tmp_path.rglob("*")] == [
        "data",
        "data/images",
        "data/images/a.png",
    ]
    with pytest.raises(HairsplitError, match="exists already"):
        fill(fail=False)


def test_an_existing_result_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for target in (tmp_path, tmp_path / "a"):
        with pytest.raises(HairsplitError, match="exists already; nothing was changed") as caught:
            new_folder(target)
        assert "--out" in caught.value.hint
    assert [f.name for f in tmp_path.iterdir()] == ["a"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    assert new_folder(tmp_path) == tmp_path
    assert new_folder(tmp_path / "a" / "b").is_dir()


def test_a_place_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for check in (writable, new_folder):
        with pytest.raises(HairsplitError, match="cannot write here"):
            check(tmp_path / "file" / "below")


def test_json_is_read_as_it_was_written(tmp_path: Path) -> None:
    value = {"grün": [1, 2.5, None], "path": "a/b"}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "grün" in (tmp_path / "a.json").read_text("utf-8")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_never_holds_a_number_that_json_does_not_know(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": value})
    assert list(tmp_path.iterdir()) == []


def test_torn_missing_and_misplaced_json_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_text('{"a": [1, ')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for path, message in [
        (tmp_path / "torn.json", "not valid JSON"),
        (tmp_path / "bytes.json", "not valid JSON"),
        (tmp_path / "none.json", "no such file"),
        (tmp_path, "cannot be read"),
        (tmp_path / "torn.json" / "x", "cannot be read"),
    ]:
        with pytest.raises(HairsplitError, match=message) as caught:
            read_json(path)
        assert caught.value.where == str(path)


def test_the_stamp_holds_no_secret_and_no_user_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "margarethe")
    words = ["hairsplit", "hub_token=abc123", "--x=/home/margarethe/data", "API_KEY=q", "lr=1e-5"]
    monkeypatch.setattr("sys.argv", words)
    made = stamp(seed=3)
    text = json.dumps(made)
    assert "abc123" not in text
    assert "margarethe" not in text
    assert made["argv"][1:] == ["hub_token=...", "--x=/home/~/data", "API_KEY=...", "lr=1e-5"]
    assert made["seed"] == 3
    assert made["versions"]["torch"]
    assert {"hairsplit", "python", "machine", "git", "time"} <= made.keys()


def test_what_may_lie_beside_a_result_is_left_there_and_nothing_else_may(tmp_path: Path) -> None:
    kept = tmp_path / "out" / "kept"
    kept.mkdir(parents=True)
    (kept / "file").touch()
    with pytest.raises(HairsplitError, match="exists already"):
        new_folder(tmp_path / "out")
    with pytest.raises(RuntimeError), filled_folder(tmp_path / "out", {"kept"}) as temporary:
        (temporary / "half").touch()
        raise RuntimeError
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["kept"]
    with filled_folder(tmp_path / "out", {"kept"}) as temporary:
        (temporary / "whole").touch()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"kept", "whole"}
    assert (kept / "file").exists()
    with pytest.raises(HairsplitError, match="exists already"):
        new_folder(tmp_path / "out", {"kept"})
