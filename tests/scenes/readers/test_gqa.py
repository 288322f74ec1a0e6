import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Box, Reject, Relation, Scene
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.readers.gqa import read_scenes, write_scenes


def read(path: Path) -> tuple[list[Scene], Counter[str]]:
    found = list(read_scenes(path))
    return (
        [x for x in found if isinstance(x, Scene)],
        Counter(x.reason for x in found if isinstance(x, Reject)),
    )


def one_graph(tmp_path: Path, objects: Any, **more: Any) -> tuple[list[Scene], Counter[str]]:
    path = tmp_path / "g.json"
    path.write_text(json.dumps({"1": {"width": 100, "height": 80, "objects": objects, **more}}))
    return read(path)


@pytest.mark.parametrize("name", ["g.json", "g.json.gz"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    scenes = [scene(DrawnWorld(), 0, f"{i}") for i in range(20)]
    assert write_scenes(tmp_path / name, scenes) == 20
    assert read(tmp_path / name) == (scenes, Counter())


def test_the_same_scenes_give_the_same_bytes(tmp_path: Path) -> None:
    scenes = [scene(DrawnWorld(), 0, f"{i}") for i in range(5)]
    for name in ("a.json.gz", "b.json.gz"):
        write_scenes(tmp_path / name, iter(scenes))
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_two_scenes_of_one_id_are_not_written(tmp_path: Path) -> None:
    twin = scene(DrawnWorld(), 0, "1")
    with pytest.raises(HairsplitError, match="'1' occurs twice"):
        write_scenes(tmp_path / "g.json", [twin, twin])
    assert not list(tmp_path.iterdir())


def test_dirty_objects_are_left_out_and_counted(tmp_path: Path) -> None:
    box = {"x": 10, "y": 10, "w": 20, "h": 20}
    scenes, rejects = one_graph(
        tmp_path,
        {
            "ok": {"name": " Red  Car ", **box},
            "no box": {"name": "dog", "x": 1, "y": 1, "w": 5},
            "bad box": {"name": "dog", **box, "x": "1"},
            "infinite": {"name": "dog", **box, "w": float("inf")},
            "boolean": {"name": "dog", **box, "w": True},
            "flat": {"name": "dog", **box, "h": 0},
            "outside": {"name": "dog", **box, "x": 400},
            "no name": {"name": "  ", **box},
            "number": {"name": 7, **box},
            "list": ["dog"],
            "clipped": {"name": "cat", "x": -5, "y": 70, "w": 30, "h": 30},
        },
    )
    assert [(t.id, t.name, t.box) for t in scenes[0].things] == [
        ("ok", "red car", Box(10, 10, 20, 20)),
        ("clipped", "cat", Box(0, 70, 25, 10)),
    ]
    assert rejects == {
        "object without a box": 4,
        "object of no area in the picture": 2,
        "object without a name": 2,
        "object is not an object": 1,
        "box clipped to the picture": 1,
    }


def test_dirty_edges_and_attributes_are_left_out_and_counted(tmp_path: Path) -> None:
    box = {"x": 10, "y": 10, "w": 20, "h": 20}
    edges = [
        {"name": " On ", "object": "b"},
        {"name": "on", "object": "b"},
        {"name": "on", "object": "a"},
        {"name": "on", "object": "gone"},
        {"name": "", "object": "b"},
        {"name": "on"},
        "on",
    ]
    scenes, rejects = one_graph(
        tmp_path,
        {
            "a": {"name": "cup", **box, "attributes": ["Red", "red", "", 5], "relations": edges},
            "b": {"name": "table", **box, "attributes": None, "relations": {"x": {"name": "under", "object": "a"}}},
            "c": {"name": "chair", **box, "attributes": "red", "relations": 3},
        },
    )
    a, b, c = scenes[0].things
    assert (a.attributes, a.relations) == (("red",), (Relation("on", "b"),))
    assert b.relations == (Relation("under", "a"),)
    assert (c.attributes, c.relations) == ((), ())
    assert rejects == {
        "attribute repeated": 1,
        "attribute is empty or not a string": 2,
        "edge repeated": 1,
        "edge to itself": 1,
        "edge to a missing or unusable object": 1,
        "edge without name or target": 3,
        "attributes are not a list": 1,
        "relations are not a list": 1,
    }


def test_unusable_graphs_are_counted(tmp_path: Path) -> None:
    thing = {"name": "dog", "x": 0, "y": 0, "w": 5, "h": 5}
    graphs = {
        "good": {"width": 9, "height": 9, "objects": {"1": thing}, "image": 5, "split": "val"},
        "no size": {"objects": {"1": thing}},
        "flat": {"width": 0, "height": 9, "objects": {"1": thing}},
        "no objects": {"width": 9, "height": 9},
        "empty": {"width": 9, "height": 9, "objects": {}},
        "list": [],
    }
    (tmp_path / "g.json").write_text(json.dumps(graphs))
    scenes, rejects = read(tmp_path / "g.json")
    assert [(s.image_id, s.image, s.split) for s in scenes] == [("good", None, "val")]
    assert rejects == {
        "image is not a string": 1,
        "graph without a picture size": 2,
        "graph without objects": 2,
        "graph without usable objects": 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.json", b'{"1": {"width": 9', "not valid JSON"),
        ("g.json", b"\xff\xfe\x00", "not valid JSON"),
        ("g.json", b"[" * 100_000, "not valid JSON"),
        ("g.json", b"[]", "no object of graphs"),
        ("g.json", b'{"captions": {"a": 1}}', "no graph in it has `objects`"),
        ("g.json", b'{"1": {"objects": {}}, "1": {}}', "'1' occurs twice"),
        ("g.json.gz", gzip.compress(b'{"1": {}}' * 50)[:-12], "torn or not gzip"),
        ("g.json.gz", b'{"1": {}}', "torn or not gzip"),
    ],
)
def test_a_torn_or_strange_file_is_an_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HairsplitError, match=message) as error:
        list(read_scenes(tmp_path / name))
    assert name in error.value.where


def test_a_missing_file_or_a_folder_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(HairsplitError):
            list(read_scenes(path))


def test_the_dirty_handwritten_graph_is_cleaned(shared: Path) -> None:
    scenes, rejects = read(shared / "fixtures" / "hnc" / "gqa_scene_graphs_handwritten.json")
    assert len(scenes) == 5
    dirty = scenes[2]
    assert [t.name for t in dirty.things] == ["person", "man", "cup", "window", "shelf", "people"]
    assert {t.name: t.box for t in dirty.things}["window"] == Box(0, 10, 85, 120)
    assert rejects == {
        "attribute repeated": 1,
        "edge repeated": 1,
        "edge to itself": 1,
        "edge to a missing or unusable object": 1,
        "object of no area in the picture": 1,
        "box clipped to the picture": 2,
    }
