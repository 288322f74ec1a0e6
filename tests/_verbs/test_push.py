"""Pushing a model: only its own files leave, what arrived is compared, a hub that fails is one line."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub.hf_api import BlobLfsInfo, RepoFile

from hairsplit import api
from hairsplit._verbs import push as module
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder
from tests.small_world import SHAPE


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    dual_encoder.save(dual_encoder.new(SHAPE, seed=0), folder)
    (folder / "README.md").write_text("# m\n")
    return folder


class Hub:
    """Keeps what it is given in a folder, as the hub's own client would be told to."""

    def __init__(self, root: Path) -> None:
        self.root, self.created, self.spoiled = root, dict[str, bool](), ""

    def create_repo(self, repo: str, *, private: bool, exist_ok: bool) -> None:
        assert exist_ok
        self.created[repo] = private

    def upload_folder(self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], commit_message: str) -> Any:
        self.message = commit_message
        for name in allow_patterns:
            target = self.root / repo_id / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder_path / name, target)
        if self.spoiled:
            file = self.root / repo_id / self.spoiled
            data = bytearray(file.read_bytes())
            data[-1] ^= 1
            file.write_bytes(data)
        return SimpleNamespace(oid="c0ffee", commit_url=f"https://hub/{repo_id}/commit/c0ffee")

    def get_paths_info(self, repo: str, paths: list[str], *, revision: str) -> list[RepoFile]:
        assert revision == "c0ffee"
        found = []
        for path in paths:
            file = self.root / repo / path
            if file.is_file():
                size, told = file.stat().st_size, git_hash(file)
                lfs = None
                if path.endswith(".safetensors"):
                    lfs, told = {"size": size, "oid": module._sha256(file), "pointerSize": 1}, "of the pointer"
                found.append(repo_file(path, size, told, lfs))
        return found


def repo_file(path: str, size: int, oid: str, lfs: dict[str, Any] | None) -> RepoFile:
    made: RepoFile = RepoFile(path=path, size=size, oid=oid, lfs=lfs)  # type: ignore[no-untyped-call]
    return made


def git_hash(file: Path) -> str:
    """As `git hash-object` has it."""
    return subprocess.run(["git", "hash-object", str(file)], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub(tmp_path / "hub")
    monkeypatch.setattr(module, "HfApi", lambda: made)
    return made


def test_a_folder_gets_the_model_and_nothing_else(model: Path, tmp_path: Path) -> None:
    (model / "notes.txt").write_text("private")
    (model / "train.parquet").write_text("private")
    (model / ".env").write_text("TOKEN=1")
    told = api.push(model, str(tmp_path / "there"))
    assert "3 files of other kinds stayed here" in told
    names = {path.relative_to(tmp_path / "there").as_posix() for path in (tmp_path / "there").rglob("*")}
    assert {"README.md", "config.json", "model.safetensors", "merges.txt"} <= names
    assert not {"notes.txt", "train.parquet", ".env"} & names
    again = dual_encoder.load(tmp_path / "there")
    assert again.parameters_hash() == dual_encoder.load(model).parameters_hash()
    assert again.parameters_hash() in told


def test_a_run_pushes_its_best_checkpoint_and_replaces_an_older_model(model: Path, tmp_path: Path) -> None:
    best = tmp_path / "run" / "checkpoints" / "best"
    best.parent.mkdir(parents=True)
    model.replace(best)
    dual_encoder.save(dual_encoder.new(SHAPE, seed=1), tmp_path / "there")
    (tmp_path / "there" / "old.json").write_text("{}")
    api.push(tmp_path / "run", f"file://{tmp_path / 'there'}")
    assert dual_encoder.load(tmp_path / "there").parameters_hash() == dual_encoder.load(best).parameters_hash()
    assert not (tmp_path / "there" / "old.json").exists()


def test_what_is_no_model_is_not_replaced(model: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.png").touch()
    with pytest.raises(HairsplitError, match="holds something that is no model"):
        api.push(model, str(tmp_path / "photos"))
    with pytest.raises(HairsplitError, match="is the model itself"):
        api.push(model, str(model))
    assert (tmp_path / "photos" / "1.png").exists()
    assert (model / "config.json").exists()


def test_a_model_without_a_card_needs_a_word(model: Path, tmp_path: Path) -> None:
    (model / "README.md").unlink()
    with pytest.raises(HairsplitError, match=r"has no README\.md"):
        api.push(model, str(tmp_path / "there"))
    api.push(model, str(tmp_path / "there"), without_card=True)
    assert (tmp_path / "there" / "model.safetensors").exists()


def test_the_hub_gets_a_private_repository_unless_told(model: Path, hub: Hub) -> None:
    (model / "notes.txt").write_text("private")
    told = api.push(model, "ann/m")
    assert told.startswith("https://hub/ann/m/commit/c0ffee: ")
    assert hub.created == {"ann/m": True}
    assert hub.message == "hairsplit push: model"
    assert not (hub.root / "ann/m/notes.txt").exists()
    api.push(model, "ann/m", public=True, message="better")
    assert hub.created == {"ann/m": False}
    assert hub.message == "better"
    assert dual_encoder.load(hub.root / "ann/m").parameters_hash() == dual_encoder.load(model).parameters_hash()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_arrives_changed_is_seen(model: Path, hub: Hub, name: str) -> None:
    hub.spoiled = name
    with pytest.raises(HairsplitError, match=f"{name} did not arrive as it is here"):
        api.push(model, "ann/m")


def test_a_hub_that_fails_is_one_line(model: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(hub, "create_repo", fail)
    with pytest.raises(HairsplitError, match=r"did not take it \(no route\)\n"):
        api.push(model, "ann/m")


def test_a_name_that_the_hub_would_not_take_is_refused(model: Path) -> None:
    """By the hub's own client, before anything is sent."""
    with pytest.raises(HairsplitError, match="Repo id must"):
        api.push(model, "ann/my model")


def test_a_model_that_cannot_be_loaded_is_not_given_to_others(model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(HairsplitError):
        api.push(model, str(tmp_path / "there"))
    assert not (tmp_path / "there").exists()
    with pytest.raises(HairsplitError, match="is no folder of a transformers model"):
        api.push(tmp_path, str(tmp_path / "there"))


def test_lfs_of_the_fake_is_that_of_the_client() -> None:
    """The fake speaks as the installed client does, or the tests above say nothing."""
    file = repo_file("a", 1, "b10b", {"size": 1, "oid": "f", "pointerSize": 1})
    assert file.lfs == BlobLfsInfo(size=1, sha256="f", pointer_size=1)
    assert (file.size, file.blob_id) == (1, "b10b")
