"""Checkpoints are kept by rule, and a disk that is full leaves those before it whole."""

import errno
import io
from pathlib import Path
from typing import Any

import pytest
import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, load, new
from hairsplit.train import checkpoint, saving
from tests.small_world import SHAPE
from tests.train.small import Material, config, same, state, trainer


def tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("links", [True, False])
def test_the_last_n_are_kept_in_order_of_their_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(source: Any, target: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr("os.link", refuse)
    (tmp_path / "checkpoints" / "step_mine").mkdir(parents=True)
    for step, keep in ((5, 2), (10, 2), (999_999, 2), (1_000_000, 2)):
        saving.save_last(tmp_path, new(SHAPE, step), step, keep)
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["last", "step_1000000", "step_999999", "step_mine"]
    assert [path.name for path in saving.kept(tmp_path)] == ["step_999999", "step_1000000"]
    for step in (999_999, 1_000_000):
        found = load(tmp_path / "checkpoints" / f"step_{step}")
        assert found.parameters_hash() == new(SHAPE, step).parameters_hash()
    assert load(tmp_path / "checkpoints" / "last").parameters_hash() == new(SHAPE, 1_000_000).parameters_hash()


def test_none_are_kept_by_default(tmp_path: Path) -> None:
    saving.save_last(tmp_path, new(SHAPE), 5, 0)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last"]


def test_a_run_keeps_what_it_was_told_to(material: Material, tmp_path: Path) -> None:
    settings = config(material, steps=4, save_every=1, keep_last=2)
    trainer(settings, load(settings.model), tmp_path).fit(resume=False)
    assert [path.name for path in saving.kept(tmp_path)] == ["step_000003", "step_000004"]
    assert tree(tmp_path / "checkpoints" / "step_000004") == tree(tmp_path / "checkpoints" / "last")


class _Full(io.FileIO):
    """A file on a disk with room for a few bytes."""

    room = 1_000

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_leaves_the_state_before_and_says_what_to_do(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(material, steps=4, save_every=2)
    whole = torch.save

    def full(tree: Any, path: Path) -> None:
        if tree["step"] < 4:
            whole(tree, path)
        else:
            with _Full(path, "w") as file:
                whole(tree, file)

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(
        HairsplitError, match=r"checkpoint of step 4 could not be written .*the one before is whole"
    ) as e:
        trainer(settings, load(settings.model), tmp_path / "run").fit(resume=False)
    assert "--resume" in str(e.value)
    assert state(tmp_path / "run")["step"] == 2
    assert not list((tmp_path / "run").rglob(".*"))
    monkeypatch.undo()
    trainer(settings, load(settings.model), tmp_path / "run").fit(resume=True)
    trainer(settings, load(settings.model), tmp_path / "other").fit(resume=False)
    assert same(state(tmp_path / "run")["model"], state(tmp_path / "other")["model"])


@pytest.mark.parametrize("which", ["best", "last"])
def test_a_full_disk_leaves_the_model_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    def save(encoder: DualEncoder, step: int) -> None:
        if which == "best":
            saving.save_best(tmp_path, encoder, step)
        else:
            saving.save_last(tmp_path, encoder, step, 2)

    save(new(SHAPE, 1), 1)
    before = tree(tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("transformers.modeling_utils.safe_save_file", full)
    with pytest.raises(HairsplitError, match=r"step 2 could not be written \(No space left on device\)"):
        save(new(SHAPE, 2), 2)
    assert tree(tmp_path) == before


def test_a_log_table_that_finds_no_room_does_not_hide_why_a_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    log = checkpoint.MetricsLog(tmp_path)
    log.write({"kind": "train", "step": 1})
    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    log.close()
    assert "metrics.parquet was not written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
