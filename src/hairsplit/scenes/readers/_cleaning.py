"""Decoded graphs into scenes: what is dirty is left out or put right, and told."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from hairsplit.core.types import Box, Reject, Relation, Scene, Thing
from hairsplit.scenes import lexicon

MAX_NAME = 60
"""Characters of the longest noun, attribute or predicate: longer ones are texts that went astray."""

_WORDS = 100_000
"""Remembered."""
_FAR = 1e9
"""Pixels beyond which a number is no coordinate."""


def _number(value: Any) -> float | None:
    plain = type(value) is int or type(value) is float  # JSON has no others, and a bool is no number here
    return value if plain and -_FAR < value < _FAR else None  # NaN is not


def scene_of(image_id: str, graph: Any, where: str, rejects: list[Reject]) -> Scene | None:
    """The scene of a decoded graph; None if nothing usable is left. What was left out or changed goes to `rejects`."""
    if not image_id:
        rejects.append(Reject(where, "image id is empty"))
        return None
    if any(unicodedata.category(char) == "Cc" for char in image_id):
        rejects.append(Reject(where, "image id with control characters", repr(image_id)))
        return None
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


@lru_cache(maxsize=_WORDS)
def _clean(value: str) -> str:
    """A word of which there is nothing to tell, as it is; empty for others."""
    return value if _tidy(value) == (value, "") and len(value) <= MAX_NAME else ""


@lru_cache(maxsize=_WORDS)
def _tidy(value: str) -> tuple[str, str]:
    """A word in lower case, trimmed, without control characters; and what had to be done to it, if anything."""
    printable = value
    if not value.isprintable():
        kept = (" " if char.isspace() else char for char in value if char.isspace() or char.isprintable())
        printable = "".join(kept)
    text = " ".join(printable.split()).lower()
    return (
        text,
        "" if text == value else "control characters taken out" if printable != value else "lower case or trimmed",
    )


def _text(value: Any, what: str, where: str, rejects: list[Reject]) -> str | None:
    """The word of a name, attribute or predicate, each change told; empty if there is none, None if it is too long."""
    if not isinstance(value, str):
        return ""
    text, change = _tidy(value)
    if len(text) > MAX_NAME:
        rejects.append(Reject(where, f"{what} of more than {MAX_NAME} characters", text[:MAX_NAME]))
        return None
    if change and text:
        rejects.append(Reject(where, f"{what}: {change}", repr(value)))
    return text


def _node(node: Any, size: tuple[int, int], where: str, rejects: list[Reject]) -> tuple[str, Box] | None:
    """Name and box of a usable object."""
    if not isinstance(node, dict):
        rejects.append(Reject(where, "object is not an object", type(node).__name__))
        return None
    name = _text(node.get("name"), "name", where, rejects)
    if not name:
        if name is not None:
            rejects.append(Reject(where, "object without a name", repr(node.get("name"))))
        return None
    x, y, w, h = [_number(node.get(side)) for side in ("x", "y", "w", "h")]
    if x is None or y is None or w is None or h is None:
        rejects.append(Reject(where, "object without a box", name))
        return None
    if 0 <= x < x + w <= size[0] and 0 <= y < y + h <= size[1]:  # as most are
        return name, Box(x, y, w, h)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, size[0]), min(y + h, size[1])
    if w <= 0 or h <= 0 or right <= left or bottom <= top:
        rejects.append(Reject(where, "object of no area in the picture", name))
        return None
    rejects.append(Reject(where, "box clipped to the picture", name))
    return name, Box(left, top, right - left, bottom - top)


def _attributes(values: Any, where: str, rejects: list[Reject]) -> Iterator[str]:
    if values is None:
        return
    if not isinstance(values, list):
        rejects.append(Reject(where, "attributes are not a list", type(values).__name__))
        return
    seen: set[str] = set()
    for value in values:
        text = _text(value, "attribute", where, rejects)
        if text is None:
            continue
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
        rejects.append(Reject(where, "relations are an object, read as a list", str(len(edges))))
        edges = list(edges.values())
    if not isinstance(edges, list):
        rejects.append(Reject(where, "relations are not a list", type(edges).__name__))
        return
    seen: set[tuple[str, str]] = set()
    for edge in edges:
        name, target = (edge.get("name"), edge.get("object")) if isinstance(edge, dict) else ("", None)
        predicate = (isinstance(name, str) and _clean(name)) or _text(name, "predicate", where, rejects)
        if isinstance(target, int) and not isinstance(target, bool):
            target = str(target)
        if predicate is None:
            continue
        if not predicate or not isinstance(target, str):
            rejects.append(Reject(where, "edge without name or target", repr(edge)))
        elif target == key:
            rejects.append(Reject(where, "edge to itself", predicate))
        elif target not in known:
            rejects.append(Reject(where, "edge to a missing or unusable object", f"{predicate} {target}"))
        elif (predicate, target) in seen:
            rejects.append(Reject(where, "edge repeated", f"{predicate} {target}"))
        else:
            if not lexicon.knows_predicate(predicate):
                rejects.append(Reject(where, "edge kept though its predicate is not in the lexicon", predicate))
            seen.add((predicate, target))
            yield Relation(predicate, target)
