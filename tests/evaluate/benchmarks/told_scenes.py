"""An independent reader of the captions of drawn scenes: words and boxes in, true, false or unknown (None) out.

It shares no code with what makes the captions: its own grammar, its own geometry in plain loops.
"""

import re
from typing import Any

Graph = dict[str, Any]
CONVERSE = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}
_WHERE = "|".join(CONVERSE)


def reflected(graph: Graph) -> Graph:
    """The graph of the mirrored picture; its edges are left out, as the reader looks at boxes alone."""
    objects = {
        key: {**thing, "x": graph["width"] - thing["x"] - thing["w"], "relations": []}
        for key, thing in graph["objects"].items()
    }
    return {**graph, "objects": objects}


def truth(text: str, graph: Graph) -> bool | None:
    """Whether a caption is true of a graph in which nothing is missing."""
    plain = text.rstrip(".").lower()
    things = list(graph["objects"].values())
    shown = re.fullmatch(r"there is (?P<a>.+)|the picture shows (?P<b>.+)|(?P<c>.+) can be seen", plain)
    if shown:
        return _shown(next(part for part in shown.groups() if part), things)
    placed = re.fullmatch(rf"the (?P<s>.+?) is (?:located )?(?P<p>{_WHERE}) the (?P<o>.+)", plain)
    turned = re.fullmatch(rf"(?P<p>{_WHERE}) the (?P<o>.+?) is the (?P<s>.+)", plain)
    if found := placed or turned:
        one, other = (_only(found[part], things) for part in "so")
        return None if one is None or other is None else _lies(one, found["p"], other)
    said = re.fullmatch(r"(?:in the picture, )?the (?P<x>.+?)(?: in the picture)? is (?P<no>not )?(?P<a>\w+)", plain)
    assert said, text
    thing = _only(said["x"], things)
    if thing is None:
        return None
    return (said["a"] in thing["attributes"]) != bool(said["no"])


def _shown(words: str, things: list[Graph]) -> bool | None:
    if words.startswith("no "):
        return not any(_is(words.removeprefix("no "), thing) for thing in things)
    parts = re.fullmatch(rf"an? (?P<x>[\w ]+?)(?: (?P<p>and|{_WHERE}) an? (?P<y>.+))?", words)
    assert parts, words
    one = [thing for thing in things if _is(parts["x"], thing)]
    if parts["p"] is None:
        return bool(one)
    other = [thing for thing in things if _is(parts["y"], thing)]
    if parts["p"] == "and":
        return bool(one) and bool(other)
    found = [_lies(a, parts["p"], b) for a in one for b in other if a is not b]
    return True if True in found else None if None in found else False


def _is(words: str, thing: Graph) -> bool:
    *attributes, noun = words.split()
    return bool(thing["name"] == noun and set(attributes) <= set(thing["attributes"]))


def _only(words: str, things: list[Graph]) -> Graph | None:
    found = [thing for thing in things if _is(words, thing)]
    return found[0] if len(found) == 1 else None


def _lies(a: Graph, predicate: str, b: Graph) -> bool | None:
    """True: wholly on that side, not steeper than 2 to 1 across it. False: wholly on the other. Else unknown."""
    if predicate in {"to the right of", "below"}:
        a, b = b, a
    x, w, y, h = ("x", "w", "y", "h") if "left" in predicate or "right" in predicate else ("y", "h", "x", "w")
    if b[x] + b[w] <= a[x]:
        return False
    along = (b[x] + b[w] / 2) - (a[x] + a[w] / 2)
    aside = (b[y] + b[h] / 2) - (a[y] + a[h] / 2)
    return True if a[x] + a[w] <= b[x] and along >= abs(aside) / 2 else None
