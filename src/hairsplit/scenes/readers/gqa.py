"""Scene graphs in GQA layout: one JSON object, image id -> {width, height, objects}; `.json` or `.json.gz`.

Two optional keys of a graph are ours: `image` (path relative to the images root) and `split`. Dirty graphs are cleaned,
and each thing left out or changed is told by a `Reject`.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file
from hairsplit.core.types import Box, Reject, Relation, Scene, Thing

_HINT = "expected GQA layout: {image id: {width, height, objects: {id: {name, x, y, w, h, attributes, relations}}}}"


def read_scenes(path: Path) -> Iterator[Scene | Reject]:
    """Yield the scenes of a file in its order, each after the rejects of its cleaning.

    Raises:
        HairsplitError: No such file, torn, or not in GQA layout.
    """
    graphs = _load(path)
    if not isinstance(graphs, dict):
        raise HairsplitError("the file holds no object of graphs", where=str(path), hint=_HINT)
    if graphs and not any(isinstance(g, dict) and "objects" in g for g in graphs.values()):
        raise HairsplitError("no graph in it has `objects`", where=str(path), hint=_HINT)
    for image_id, graph in graphs.items():
        rejects: list[Reject] = []
        scene = _scene(image_id, graph, f"{path.name}, image {image_id}", rejects)
        yield from rejects
        if scene is not None:
            yield scene


def write_scenes(path: Path, scenes: Iterable[Scene]) -> int:
    """Write scenes in GQA layout, atomically, the same bytes for the same scenes; returns their number.

    Raises:
        HairsplitError: Two scenes have the same image id, or the folder cannot be written to.
    """
    graphs: dict[str, Any] = {}
    for scene in scenes:
        if scene.image_id in graphs:
            raise HairsplitError(f"image id {scene.image_id!r} occurs twice", where=str(path), hint="make ids unique")
        graphs[scene.image_id] = _graph(scene)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        lines = (f"{json.dumps(key)}: {json.dumps(graph, ensure_ascii=False)}" for key, graph in graphs.items())
        text = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
        file.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return len(graphs)


def _graph(scene: Scene) -> dict[str, Any]:
    graph: dict[str, Any] = {"width": scene.width, "height": scene.height}
    if scene.image is not None:
        graph["image"] = scene.image
    if scene.split is not None:
        graph["split"] = scene.split
    graph["objects"] = {
        thing.id: {
            "name": thing.name,
            **{side: _plain(getattr(thing.box, side)) for side in ("x", "y", "w", "h")},
            "attributes": list(thing.attributes),
            "relations": [{"name": r.predicate, "object": r.target} for r in thing.relations],
        }
        for thing in scene.things
    }
    return graph


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def _load(path: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):  # json would keep the last one and say nothing
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise HairsplitError(
                f"the key {twice!r} occurs twice in one object", where=str(path), hint="make ids unique"
            )
        return found

    try:
        raw = path.read_bytes()
        return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw, object_pairs_hook=unique)
    except FileNotFoundError:
        raise HairsplitError("no such file", where=str(path), hint="make graphs with `hairsplit draw`") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise HairsplitError(f"torn or not gzip ({error})", where=str(path), hint="fetch it again") from None
    except (ValueError, RecursionError) as error:  # JSON and Unicode errors are ValueErrors
        raise HairsplitError(f"not valid JSON ({error})", where=str(path), hint="fetch it again") from None
    except OSError as error:
        raise HairsplitError(f"cannot be read ({error.strerror})", where=str(path), hint="check the path") from None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _scene(image_id: str, graph: Any, where: str, rejects: list[Reject]) -> Scene | None:
    if not isinstance(graph, dict) or not isinstance(graph.get("objects"), dict):
        rejects.append(Reject(where, "graph without objects"))
        return None
    width, height = _number(graph.get("width")), _number(graph.get("height"))
    if width is None or height is None or width < 1 or height < 1:
        rejects.append(Reject(where, "graph without a picture size", f"{graph.get('width')} x {graph.get('height')}"))
        return None
    size = (int(width), int(height))
    nodes: dict[str, tuple[Any, str, Box]] = {}
    for key, node in graph["objects"].items():
        kept = _node(node, size, f"{where}, object {key}", rejects)
        if kept is not None:
            nodes[key] = (node, *kept)
    things = []
    for key, (node, name, box) in nodes.items():
        place = f"{where}, object {key}"
        attributes = tuple(_attributes(node.get("attributes"), place, rejects))
        relations = tuple(_relations(key, node.get("relations"), nodes, place, rejects))
        things.append(Thing(key, name, box, attributes, relations))
    if not things:
        rejects.append(Reject(where, "graph without usable objects"))
        return None
    image, split = (_optional(graph.get(key), key, where, rejects) for key in ("image", "split"))
    return Scene(image_id, *size, tuple(things), image, split)


def _optional(value: Any, key: str, where: str, rejects: list[Reject]) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    rejects.append(Reject(where, f"{key} is not a string", repr(value)))
    return None


def _text(value: Any) -> str:
    return " ".join(value.split()).lower() if isinstance(value, str) else ""


def _node(node: Any, size: tuple[int, int], where: str, rejects: list[Reject]) -> tuple[str, Box] | None:
    """Name and box of a usable object."""
    if not isinstance(node, dict):
        rejects.append(Reject(where, "object is not an object", type(node).__name__))
        return None
    name = _text(node.get("name"))
    if not name:
        rejects.append(Reject(where, "object without a name", repr(node.get("name"))))
        return None
    sides = [_number(node.get(side)) for side in ("x", "y", "w", "h")]
    if None in sides:
        rejects.append(Reject(where, "object without a box", name))
        return None
    x, y, w, h = (side for side in sides if side is not None)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, size[0]), min(y + h, size[1])
    if w <= 0 or h <= 0 or right <= left or bottom <= top:
        rejects.append(Reject(where, "object of no area in the picture", name))
        return None
    if (left, top, right, bottom) != (x, y, x + w, y + h):
        rejects.append(Reject(where, "box clipped to the picture", name))
        return name, Box(left, top, right - left, bottom - top)
    return name, Box(x, y, w, h)


def _attributes(values: Any, where: str, rejects: list[Reject]) -> Iterator[str]:
    if values is None:
        return
    if not isinstance(values, list):
        rejects.append(Reject(where, "attributes are not a list", type(values).__name__))
        return
    seen: set[str] = set()
    for value in values:
        text = _text(value)
        if not text:
            rejects.append(Reject(where, "attribute is empty or not a string", repr(value)))
        elif text in seen:
            rejects.append(Reject(where, "attribute repeated", text))
        else:
            seen.add(text)
            yield text


def _relations(key: str, edges: Any, known: Any, where: str, rejects: list[Reject]) -> Iterator[Relation]:
    """Edges to usable objects; the documented dict {id: {name, object}} is accepted beside the usual list."""
    if edges is None:
        return
    if isinstance(edges, dict):
        edges = list(edges.values())
    if not isinstance(edges, list):
        rejects.append(Reject(where, "relations are not a list", type(edges).__name__))
        return
    seen: set[Relation] = set()
    for edge in edges:
        name, target = (_text(edge.get("name")), edge.get("object")) if isinstance(edge, dict) else ("", None)
        target = str(target) if isinstance(target, int) and not isinstance(target, bool) else target
        if not name or not isinstance(target, str):
            rejects.append(Reject(where, "edge without name or target", repr(edge)))
        elif target == key:
            rejects.append(Reject(where, "edge to itself", name))
        elif target not in known:
            rejects.append(Reject(where, "edge to a missing or unusable object", f"{name} {target}"))
        elif (relation := Relation(name, target)) in seen:
            rejects.append(Reject(where, "edge repeated", f"{name} {target}"))
        else:
            seen.add(relation)
            yield relation
