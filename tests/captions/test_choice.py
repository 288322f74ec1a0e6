"""Which pictures a graph may name."""

import pickle
from collections import Counter
from pathlib import Path

import pytest

from hairsplit.captions._choice import Choice
from hairsplit.scenes.readers.gqa import RawGraph

GRAPH = b'{"width": 9, "height": 9, "objects": {"1": {"name": "cup", "x": 1, "y": 1, "w": 2, "h": 2}}}'
LEAVES = "image: path is not a plain path below the images root"


@pytest.mark.parametrize("check", [False, True])
def test_a_link_out_of_the_images_root_is_left_out(tmp_path: Path, *, check: bool) -> None:
    root = tmp_path / "images"
    root.mkdir()
    (tmp_path / "secret.jpg").touch()
    (root / "7.jpg").symlink_to(tmp_path / "secret.jpg")
    rejects: Counter[str] = Counter()
    assert Choice(root, check).scene(RawGraph("f", "7", GRAPH), rejects, set()) is None
    assert rejects == {LEAVES: 1}


@pytest.mark.parametrize("image_id", ["../7", "/7", "a/../../7", "c:7", "a\\7"])
def test_an_id_that_is_no_plain_name_is_left_out(image_id: str, tmp_path: Path) -> None:
    rejects: Counter[str] = Counter()
    assert Choice(tmp_path, check=False).scene(RawGraph("f", image_id, GRAPH), rejects, set()) is None
    assert rejects == {LEAVES: 1}


@pytest.mark.parametrize("image_id", ["7", "a-b_7", "a/7", "two words"])
def test_a_plain_name_is_taken_on_trust(image_id: str, tmp_path: Path) -> None:
    scene = Choice(tmp_path, check=False).scene(RawGraph("f", image_id, GRAPH), Counter(), set())
    assert scene is not None
    assert scene.image == f"{image_id}.jpg"


def test_in_a_root_that_cannot_be_listed_each_picture_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("hairsplit.captions._choice.os.scandir", refused)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "7.jpg").symlink_to(tmp_path / "secret.jpg")
    rejects: Counter[str] = Counter()
    choice = Choice(tmp_path / "images", check=False)
    assert choice.scene(RawGraph("f", "7", GRAPH), rejects, set()) is None
    assert rejects == {LEAVES: 1}
    assert choice.scene(RawGraph("f", "8", GRAPH), rejects, set()) is not None


def test_another_process_looks_for_links_itself(tmp_path: Path) -> None:
    choice, rejects = Choice(tmp_path, check=False), Counter[str]()
    assert choice.scene(RawGraph("f", "7", GRAPH), rejects, set()) is not None
    (tmp_path / "7.jpg").symlink_to(tmp_path.parent / "secret.jpg")
    sent = pickle.loads(pickle.dumps(choice))  # noqa: S301 - our own
    assert sent == choice
    assert sent.scene(RawGraph("f", "7", GRAPH), rejects, set()) is None
    assert rejects == {LEAVES: 1}


def test_a_link_is_found_whatever_case_its_name_is_asked_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(root: Path, name: str) -> Path:
        asked.append(name)
        return root / name

    monkeypatch.setattr("hairsplit.captions._choice.inside", noted)
    (tmp_path / "A.jpg").symlink_to(tmp_path.parent / "secret.jpg")
    for image_id in "ab":
        Choice(tmp_path, check=False).scene(RawGraph("f", image_id, GRAPH), Counter(), set())
    assert asked == ["a.jpg"]
