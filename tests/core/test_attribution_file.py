"""An explanation read back is the one that was written; anything else is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hairsplit.core.attribution import Attribution, Contrast
from hairsplit.core.attribution_file import load_explanation, save_explanation
from hairsplit.core.errors import HairsplitError
from tests.core.test_attribution import attribution, contrast

ARRAYS = ("values", "class_values", "text_main", "image_main", "text_factors", "image_factors")
REST = (
    *("caption", "tokens", "class_main", "base", "score", "blank_image_score", "blank_text_score", "gap"),
    *("quality", "view", "logit_scale", "config", "origin", "notes"),
)


def same(one: Attribution, other: Attribution) -> None:
    for name in ARRAYS:
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine is None:
            assert theirs is None
        else:
            np.testing.assert_array_equal(mine.astype(np.float32), theirs)
    for name in REST:
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize("factors", [False, True])
def test_an_attribution_comes_back(tmp_path: Path, factors: bool) -> None:
    kept: dict[str, Any] = {"text_factors": np.ones((5, 4)), "image_factors": np.ones((7, 4))} if factors else {}
    one = attribution(**kept, caption="rêd dog")
    save_explanation(one, tmp_path / "a.npz")
    found = load_explanation(tmp_path / "a.npz")
    assert isinstance(found, Attribution)
    same(one, found)
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("direct", [False, True])
def test_a_contrast_comes_back(tmp_path: Path, direct: bool) -> None:
    one = contrast(direct=direct)
    save_explanation(one, tmp_path / "c.npz")
    found = load_explanation(tmp_path / "c.npz")
    assert isinstance(found, Contrast)
    for name in ("caption", "negative", "margin", "blank_margin", "negative_tokens"):
        assert getattr(one, name) == getattr(found, name)
    for name in ("direct", "positive_side", "negative_side"):
        mine, theirs = getattr(one, name), getattr(found, name)
        assert (mine is None) == (theirs is None)
        if mine is not None:
            same(mine, theirs)


def test_the_file_is_plain_arrays_and_json(tmp_path: Path) -> None:
    save_explanation(attribution(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert {file[name].dtype.kind for name in file.files} <= {"f", "u"}
        assert json.loads(file["meta"].tobytes())["format"] == "hairsplit explanation"


def rewritten(path: Path, **changes: Any) -> Path:
    """The same file with other arrays or another meta."""
    save_explanation(attribution(), path)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    meta = json.loads(arrays["meta"].tobytes()) | changes.pop("meta", {})
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **arrays | changes)
    return path


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    load_explanation(rewritten(path))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"meta": {"version": 2}}, "format version 2"),
        ({"meta": {"format": "else"}}, "version None"),
        ({"meta": {"numbers": {}}}, "torn"),
        ({"meta": {"tokens": [{"id": 1}]}}, "torn"),
        ({"text_main": np.zeros(4, np.float32)}, "text_main is"),
        ({"text_main": np.full(5, 3, np.float32)}, "add up to"),
        ({"text_main": np.full(5, np.nan, np.float32)}, "add up to"),
    ]
    for changes, message in cases:
        with pytest.raises(HairsplitError, match=message):
            load_explanation(rewritten(path, **changes))
    whole = path.read_bytes()
    for torn in (b"", b"PK", whole[: len(whole) // 2], b"x" * 100):
        path.write_bytes(torn)
        with pytest.raises(HairsplitError, match="is no explanation"):
            load_explanation(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(HairsplitError, match="is no explanation"):
        load_explanation(path)
    np.savez(path, meta=np.array([{"a": 1}], dtype=object))
    with pytest.raises(HairsplitError, match="is no explanation"):
        load_explanation(path)
    with pytest.raises(HairsplitError, match="no such file"):
        load_explanation(tmp_path / "none.npz")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_explanation(attribution(), path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save_explanation(attribution(config={("a", "b"): 1}), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
