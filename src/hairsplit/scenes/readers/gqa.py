"""Scene graphs in GQA layout, read one by one.

A file is one JSON object, image id -> {width, height, objects}, or JSON Lines of {image_id, width, height, objects};
gzipped or not. A folder is all such files in it, by name. Two optional keys of a graph are ours: `image` (path relative
to the images root) and `split`. Dirty graphs are cleaned, and each thing left out or changed is told by a `Reject`.
"""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_stream import decode, members, values
from hairsplit.core.run import atomic_file
from hairsplit.core.types import Reject, Scene
from hairsplit.scenes.readers._cleaning import scene_of

LINES = (".jsonl", ".jsonl.gz")
ENDINGS = (".json", ".json.gz", *LINES)

_HINT = "expected GQA layout: {image id: {width, height, objects: {id: {name, x, y, w, h, attributes, relations}}}}"
_LINE_HINT = "expected one graph a line: {image_id, width, height, objects: {id: {name, ...}}}; captions: --from-text"
_GIVE_UP = 1_000
"""Graphs without `objects`, none with them before, after which a file is of another layout."""


class RawGraph(NamedTuple):
    """One graph as it stands in its file: small to send to another process, which decodes it."""

    file: str
    image_id: str
    text: bytes

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.file}, image {self.image_id}"


class _Line(msgspec.Struct):
    image_id: str | int


def graph_files(path: Path) -> list[Path]:
    """The file, or the graph files of a folder, sorted by name.

    Raises:
        HairsplitError: There is none.
    """
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS) and file.is_file())
    if not found:
        raise HairsplitError("no graph file in the folder", where=str(path), hint=f"named *{', *'.join(ENDINGS)}")
    return found


def raw_graphs(path: Path) -> Iterator[RawGraph]:
    """Yield the graphs of a file, or of the files of a folder, undecoded, one in memory at a time.

    Raises:
        HairsplitError: No such file, torn, not in GQA layout, or an image id occurs twice.
    """
    files = graph_files(path)
    seen: set[str] = set()
    for file in files:
        try:
            for graph in _checked(file, _lines(file) if file.name.endswith(LINES) else _members(file)):
                if graph.image_id in seen:
                    raise HairsplitError("the image id occurs twice", where=graph.where, hint="make ids unique")
                seen.add(graph.image_id)
                yield graph
        except FileNotFoundError:
            raise HairsplitError("no such file", where=str(file), hint="make graphs with `hairsplit draw`") from None
        except OSError as error:
            raise HairsplitError(f"cannot be read ({error.strerror})", where=str(file), hint="check the path") from None


def _members(file: Path) -> Iterator[RawGraph]:
    for image_id, raw in members(file, _HINT):
        yield RawGraph(file.name, image_id, bytes(raw))


def _lines(file: Path) -> Iterator[RawGraph]:
    for number, raw in enumerate(values(file), start=1):
        yield raw_graph(bytes(raw), f"{file.name}, graph {number:,}")._replace(file=file.name)


def raw_graph(line: str | bytes, name: str) -> RawGraph:
    """The graph of one line of JSON Lines, undecoded.

    Raises:
        HairsplitError: It is torn, or has no image id.
    """
    text = line.encode() if isinstance(line, str) else line
    return RawGraph(name, str(decode(text, _Line, name, _LINE_HINT).image_id), text)


def _checked(file: Path, graphs: Iterator[RawGraph]) -> Iterator[RawGraph]:
    """Pass graphs on; a file in which none has `objects` is of another layout."""
    found, count = False, 0
    for count, graph in enumerate(graphs, start=1):
        found = found or b'"objects"' in graph.text
        if not found and count == _GIVE_UP:
            break
        yield graph
    if count and not found:
        raise HairsplitError("no graph in it has `objects`", where=str(file), hint=_HINT)


def read_scenes(path: Path) -> Iterator[Scene | Reject]:
    """Yield the scenes of a file or folder in its order, each after the rejects of its cleaning.

    Raises:
        HairsplitError: As `raw_graphs` and `clean`.
    """
    for graph in raw_graphs(path):
        rejects: list[Reject] = []
        scene = clean(graph, rejects)
        yield from rejects
        if scene is not None:
            yield scene


def clean(graph: RawGraph, rejects: list[Reject]) -> Scene | None:
    """Decode and clean a graph; None if nothing usable is left. What was left out or changed is added to `rejects`.

    Raises:
        HairsplitError: Not valid JSON, or a key stands twice in one object.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):  # json would keep the last one and say nothing
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise HairsplitError(f"the key {twice!r} occurs twice in one object", where=graph.where, hint="keep one")
        return found

    try:
        value = _decoded(graph.text)
        if _keys(value) != graph.text.count(b":"):  # a key stands twice, a colon in a word, or an object where none is
            value = json.loads(graph.text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:  # JSON and Unicode errors are ValueErrors
        raise HairsplitError(f"not valid JSON ({error})", where=graph.where, hint="fetch it again") from None
    return scene_of(graph.image_id, value, graph.where, rejects)


def _decoded(text: bytes) -> Any:
    """As `json.loads`, which also reads NaN, numbers past all bounds and half of a pair of surrogates."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(text)


def _keys(graph: Any) -> int:
    """Keys of a decoded graph where they are expected: each takes a colon in its text."""
    if not isinstance(graph, dict) or not isinstance(graph.get("objects"), dict):
        return 0
    nodes = [node for node in graph["objects"].values() if isinstance(node, dict)]
    edges = [node["relations"] for node in nodes if isinstance(node.get("relations"), list)]
    return (
        len(graph)
        + len(graph["objects"])
        + sum(map(len, nodes))
        + sum(len(edge) for listed in edges for edge in listed if isinstance(edge, dict))
    )


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
