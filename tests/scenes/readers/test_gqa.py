import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Box, Reject, Relation, Scene, Thing
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.readers._cleaning import MAX_NAME
from hairsplit.scenes.readers.gqa import read_scenes, write_scenes


def read(path: Path) -> tuple[list[Scene], Counter[str]]:
    found = list(read_scenes(path))
    return (
        [x for x in found if isinstance(x, Scene)],
        Counter(x.reason for x in found if isinstance(x, Reject)),
    )


def one_graph(tmp_path: Path, objects: Any, **more: Any) -> tuple[list[Scene], Counter[str]]:
    path = tmp_path / "g.json"
    text = json.dumps({"1": {"width": 100, "height": 80, "objects": objects, **more}})
    path.write_text(text.replace("Infinity", "1e999"))  # which JSON has no word for
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
        "name: lower case or trimmed": 1,
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
        "relations are an object, read as a list": 1,
        "attribute: lower case or trimmed": 1,
        "predicate: lower case or trimmed": 1,
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
        "": {"width": 9, "height": 9, "objects": {"1": thing}},
    }
    (tmp_path / "g.json").write_text(json.dumps(graphs))
    scenes, rejects = read(tmp_path / "g.json")
    assert [(s.image_id, s.image, s.split) for s in scenes] == [("good", None, "val")]
    assert rejects == {
        "image is not a string": 1,
        "graph without a picture size": 2,
        "graph without objects": 2,
        "graph without usable objects": 1,
        "image id is empty": 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("g.json", b'{"1": {"width": 9', "not valid JSON"),
        ("g.json", b"\xff\xfe\x00", "UTF-16"),
        ("g.json", b'{"1": ' + b"[" * 100_000, "nested too deeply"),
        ("g.json", b"[]", "expected an object, found an array"),
        ("g.json", b'{"captions": {"a": 1}}', "no graph in it has `objects`"),
        ("g.json", b'{"1": {"objects": {}}, "1": {}}', "'1' stands twice"),
        ("g.json", b'{"1": {"objects": {}, "objects": {}}}', "'objects' occurs twice in one object"),
        ("g.json", b'{"1": {"objects": {"a": {}, "a": {}}}}', "'a' occurs twice in one object"),
        ("g.json", b'{"1": {"objects": {"a": {"name": "x:y", "name": "z"}}}}', "'name' occurs twice in one object"),
        ("g.json", b'{"1": {"objects": {"a": {"relations": [{"name": "", "name": ""}]}}}}', "'name' occurs twice"),
        ("g.json", b'{"1": {"more": {"a": [{"b": 1, "b": 2}]}, "objects": {}}}', "'b' occurs twice in one object"),
        ("g.jsonl", b'{"image_id": 1, "objects": {}}\n{"image_id": "1", "objects": {}}', "the image id occurs twice"),
        ("g.jsonl", b'{"objects": {}}', "missing required field `image_id`"),
        ("g.jsonl", b'{"image_id": 1, "objects": {}}\n{"image_id": 2, "objects', "ends in the middle of a value"),
        ("g.json.gz", gzip.compress(b'{"1": {}}' * 50)[:-12], "compressed data are torn"),
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
        "name: lower case or trimmed": 1,
    }


BOX = {"x": 10, "y": 10, "w": 20, "h": 20}
TABLE = {"name": "table", **BOX}


@pytest.mark.parametrize(
    ("node", "kept", "reason"),
    [
        ({"name": "Cup ", **BOX}, Thing("a", "cup", Box(10, 10, 20, 20)), "name: lower case or trimmed"),
        ({"name": "cup", **BOX, "x": 90}, Thing("a", "cup", Box(90, 10, 10, 20)), "box clipped to the picture"),
        ({"name": "cup", **BOX, "w": 0}, None, "object of no area in the picture"),
        ({"name": "cup", **BOX, "x": 10**400}, None, "object without a box"),
        ({"name": "c" * 200, **BOX}, None, f"name of more than {MAX_NAME} characters"),
        ({"name": "c\x00u\x07p", **BOX}, Thing("a", "cup", Box(10, 10, 20, 20)), "name: control characters taken out"),
        ({"name": "\u200bcup", **BOX}, Thing("a", "cup", Box(10, 10, 20, 20)), "name: control characters taken out"),
        ({"name": "\x00", **BOX}, None, "object without a name"),
        ({"name": "cup", **BOX, "attributes": ["red", "red"]}, Thing("a", "cup", Box(10, 10, 20, 20), ("red",)),
         "attribute repeated"),
        ({"name": "cup", **BOX, "attributes": ["r" * 200]}, Thing("a", "cup", Box(10, 10, 20, 20)),
         f"attribute of more than {MAX_NAME} characters"),
    ],
)  # fmt: skip
def test_each_kind_of_dirt_in_an_object_is_mended_or_left_out_and_told(
    tmp_path: Path, node: Any, kept: Thing | None, reason: str
) -> None:
    scenes, rejects = one_graph(tmp_path, {"a": node, "t": TABLE})
    assert [t for t in scenes[0].things if t.id == "a"] == ([] if kept is None else [kept])
    assert rejects == {reason: 1}


@pytest.mark.parametrize(
    ("relations", "kept", "reason"),
    [
        ([{"name": "On", "object": "t"}], ("on",), "predicate: lower case or trimmed"),
        ([{"name": "on", "object": "a"}], (), "edge to itself"),
        ([{"name": "on", "object": "z"}], (), "edge to a missing or unusable object"),
        ([{"name": "on", "object": "t"}, {"name": "on", "object": "t"}], ("on",), "edge repeated"),
        ({"0": {"name": "on", "object": "t"}}, ("on",), "relations are an object, read as a list"),
        (
            [{"name": "frobbing", "object": "t"}],
            ("frobbing",),
            "edge kept though its predicate is not in the lexicon",
        ),
        ([{"name": "o" * 200, "object": "t"}], (), f"predicate of more than {MAX_NAME} characters"),
        ([{"name": "on\x1b", "object": "t"}], ("on",), "predicate: control characters taken out"),
        ([{"name": "on", "object": "t", "from": "boxes"}], ("on",), None),
        ([{"name": "on", "object": ["t"]}], (), "edge without name or target"),
    ],
)
def test_each_kind_of_dirt_in_an_edge_is_mended_or_left_out_and_told(
    tmp_path: Path, relations: Any, kept: tuple[str, ...], reason: str | None
) -> None:
    scenes, rejects = one_graph(tmp_path, {"a": {"name": "cup", **BOX, "relations": relations}, "t": TABLE})
    assert scenes[0].things[0].relations == tuple(Relation(name, "t") for name in kept)
    assert rejects == ({} if reason is None else {reason: 1})


def test_an_image_id_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    graph = {"width": 100, "height": 80, "objects": {"t": TABLE}}
    (tmp_path / "g.jsonl").write_text(json.dumps({"image_id": "a\x00b", **graph}))
    assert read(tmp_path / "g.jsonl") == ([], {"image id with control characters": 1})


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_json_lines_and_folders_of_them_are_read_like_one_object(tmp_path: Path, ending: str) -> None:
    scenes = [scene(DrawnWorld(), 0, f"{i}") for i in range(20)]
    write_scenes(tmp_path / "whole.json", scenes)
    graphs = json.loads((tmp_path / "whole.json").read_text())
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in (1, 0):
        lines = [json.dumps({"image_id": key, **graph}) for key, graph in graphs.items()]
        text = "\n".join(lines[10 * number : 10 * number + 10]).encode()
        path = folder / f"part-{number}{ending}"
        path.write_bytes(gzip.compress(text) if ending.endswith(".gz") else text)
    (folder / "notes.txt").write_text("not a graph")
    assert read(folder) == (scenes, Counter())
    assert read(folder / f"part-1{ending}") == (scenes[10:], Counter())
    assert read(tmp_path / "whole.json") == (scenes, Counter())


def test_an_image_in_two_shards_is_an_error(tmp_path: Path) -> None:
    line = json.dumps({"image_id": 7, "width": 100, "height": 80, "objects": {"t": TABLE}})
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(line)
    with pytest.raises(HairsplitError, match="the image id occurs twice") as error:
        list(read_scenes(tmp_path))
    assert error.value.where == "b.jsonl, image 7"


def test_graphs_come_one_by_one(tmp_path: Path) -> None:
    """What is wrong behind the first graph is not known yet when it is handed on."""
    graph = json.dumps({"width": 100, "height": 80, "objects": {"t": TABLE}})
    (tmp_path / "g.json").write_text(f'{{"1": {graph}, "2": {graph}, oops')
    found = read_scenes(tmp_path / "g.json")
    assert [next(found).image_id, next(found).image_id] == ["1", "2"]  # type: ignore[union-attr]
    with pytest.raises(HairsplitError, match="expected a key in quotes"):
        next(found)


def test_a_file_of_another_layout_is_given_up_early(tmp_path: Path) -> None:
    entries = ", ".join(f'"{i}": {{"captions": {{}}}}' for i in range(5_000))
    (tmp_path / "hnc.json").write_text(f"{{{entries}, oops")
    with pytest.raises(HairsplitError, match="no graph in it has `objects`"):
        list(read_scenes(tmp_path / "hnc.json"))
