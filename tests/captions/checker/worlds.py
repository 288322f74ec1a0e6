"""Complete made-up scenes as raw graphs in GQA layout: everything in them is annotated, so the closed world holds.

Boxes and all that follows from them (left, right, above, below of boxes that are apart; on, under, wearing, holding,
in front of, behind) agree with each other, each edge stands with its reverse.
"""

import math
from collections.abc import Callable, Collection
from itertools import pairwise
from random import Random
from typing import Any

from hairsplit.core.run import stream
from tests.captions.checker.words import ABOVE, BELOW, LEFT, RIGHT

Raw = dict[str, Any]
WIDTH, HEIGHT = 640, 480
PEOPLE = ("man", "woman", "boy", "girl", "child", "person")
FURNITURE = ("table", "chair", "couch", "sofa", "bed", "bench", "shelf", "desk")
ANIMALS = ("dog", "cat", "horse", "sheep", "cow", "bird", "elephant")
WORN = ("hat", "shirt", "jacket", "scarf", "pants", "glasses", "shorts", "coat")
HELD = ("ball", "umbrella", "bag", "cup", "apple", "orange", "knife", "book", "phone")
STUFF = ("grass", "snow", "water", "hair", "rice", "sand")
OTHERS = (
    "tree",
    "trees",
    "car",
    "bus",
    "bike",
    "box",
    "lamp",
    "window",
    "traffic light",
    "fence",
    "bottle",
    "vase",
    "kite",
    "plate",
    "people",
    "bushes",
)
NOUNS = PEOPLE + FURNITURE + ANIMALS + WORN + HELD + STUFF + OTHERS
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
SHADES = ("silver", "tan", "gold", "beige")
"""Near other colours: a checker and a generator that keep them apart are wrong."""
SIZES = ("large", "small", "large", "small", "big", "little")
MATERIALS = ("wood", "metal", "plastic", "glass", "wooden")
ALIASES = {
    "man": "person", "woman": "person", "boy": "child", "dog": "animal", "couch": "sofa", "bike": "bicycle",
    "car": "vehicle", "cat": "animal", "chair": "furniture",
}  # fmt: skip
"""A second name, which a second node on the same pixels may bear."""
STATES = {
    "window": ("open", "closed"), "umbrella": ("open", "closed"), "box": ("open", "closed"), "lamp": ("on", "off"),
    "cup": ("full", "empty"), "bottle": ("full", "empty"), "plate": ("clean", "dirty"), "car": ("clean", "dirty"),
    "grass": ("wet", "dry"), "sand": ("wet", "dry"), "book": ("open", "closed"), "vase": ("full", "empty"),
}  # fmt: skip
POSES = ("standing", "sitting", "lying")
REMARKS = ("striped", "shiny", "old-fashioned", "broken", "decorated")
"""In no exclusive class: true of anything besides the rest."""
BACK = {
    LEFT: RIGHT, RIGHT: LEFT, ABOVE: BELOW, BELOW: ABOVE, "in front of": "behind", "behind": "in front of",
}  # fmt: skip


def worlds(count: int, seed: int = 0, *, mixed: bool = False) -> dict[str, Raw]:
    """Scenes by image id; mixed ones hold things of two colours, too."""
    return {f"w{number:05d}": world(seed, f"w{number:05d}", mixed=mixed) for number in range(count)}


def world(seed: int, image_id: str, *, mixed: bool = False) -> Raw:
    """One complete scene of some 3 to 14 things, nouns repeated often."""
    rng = stream(seed, image_id, "world")
    few = rng.sample(NOUNS, 8)
    objects: dict[str, Raw] = {}
    for number in range(rng.randint(3, 9)):
        noun = rng.choice(few)
        objects[str(100 + number)] = _thing(noun, _box(rng, objects), rng)
    _dress(objects, rng)
    _put(objects, rng)
    if mixed:
        for thing in objects.values():
            if rng.random() < 0.25 and thing["name"] not in PEOPLE:
                thing["attributes"] = list(dict.fromkeys([*thing["attributes"], rng.choice(COLOURS)]))
    _alias(objects, rng)
    _locate(objects)
    _stagger(objects, rng)
    return {"width": WIDTH, "height": HEIGHT, "objects": objects}


def wardrobes(count: int, seed: int = 0) -> dict[str, Raw]:
    """Complete scenes of two to four people in clothes, of which most wear a hat, a shirt and pants each."""
    return {f"p{number:05d}": _wardrobe(seed, f"p{number:05d}") for number in range(count)}


def _wardrobe(seed: int, image_id: str) -> Raw:
    rng = stream(seed, image_id, "wardrobe")
    objects: dict[str, Raw] = {}
    for noun in rng.sample(PEOPLE[:4], rng.randint(2, 4)):
        objects[str(100 + len(objects))] = _thing(noun, _box(rng, objects), rng)
    for person, wearer in [*objects.items()]:
        for third, noun in enumerate(("hat", "shirt", "pants")):
            if rng.random() < 0.8:
                w, h = max(6, wearer["w"] // 3), max(6, wearer["h"] // 4)
                box = wearer["x"] + rng.randint(0, wearer["w"] - w), wearer["y"] + third * (wearer["h"] // 3), w, h
                key = str(100 + len(objects))
                objects[key] = _thing(noun, box, rng)
                _relate(objects, person, "wearing", key)
    _locate(objects)
    return {"width": WIDTH, "height": HEIGHT, "objects": objects}


def _thing(noun: str, box: tuple[int, int, int, int], rng: Random) -> Raw:
    x, y, w, h = box
    return {"name": noun, "x": x, "y": y, "w": w, "h": h, "attributes": _attributes(noun, rng), "relations": []}


def _attributes(noun: str, rng: Random) -> list[str]:
    found: list[str] = []
    if noun not in PEOPLE:
        found.append(rng.choice(COLOURS if rng.random() < 0.93 else SHADES))
    found.append(rng.choice(SIZES) if noun not in STUFF else rng.choice(("clean", "dirty")))
    if noun in FURNITURE:
        found.append(rng.choice(MATERIALS))
    if noun in PEOPLE + ANIMALS[:6]:
        found.append(rng.choice(POSES))
    if noun in STATES and rng.random() < 0.9:
        found += [a for a in [rng.choice(STATES[noun])] if a not in found]
    if rng.random() < 0.3:
        found.append(rng.choice(REMARKS))
    rng.shuffle(found)
    return list(dict.fromkeys(found))


def _box(rng: Random, objects: dict[str, Raw]) -> tuple[int, int, int, int]:
    """Mostly apart from the others, at times over one of them, never on the same pixels."""
    for _ in range(40):
        w, h = rng.randint(30, 140), rng.randint(30, 140)
        x, y = rng.randint(0, WIDTH - w), rng.randint(0, HEIGHT - h)
        if rng.random() < 0.1 or not any(_overlap((x, y, w, h), o) for o in objects.values()):
            break
    return x, y, w, h


def _overlap(box: tuple[int, int, int, int], o: Raw) -> bool:
    x, y, w, h = box
    return bool(x < o["x"] + o["w"] and o["x"] < x + w and y < o["y"] + o["h"] and o["y"] < y + h)


def _dress(objects: dict[str, Raw], rng: Random) -> None:
    """People wear and hold new things, inside of their boxes or beside them."""
    for person in [key for key, o in objects.items() if o["name"] in PEOPLE]:
        o = objects[person]
        for verb, nouns, chance in (("wearing", WORN, 0.6), ("holding", HELD, 0.4)):
            if rng.random() < chance:
                w, h = max(6, o["w"] // 3), max(6, o["h"] // 4)
                x = o["x"] + rng.randint(0, o["w"] - w)
                y = o["y"] + (0 if verb == "wearing" else o["h"] // 2)
                key = str(100 + len(objects))
                objects[key] = _thing(rng.choice(nouns), (x, y, w, h), rng)
                _relate(objects, person, verb, key)


def _put(objects: dict[str, Raw], rng: Random) -> None:
    """New things stand on furniture or under it."""
    for piece in [key for key, o in objects.items() if o["name"] in ("table", "desk", "bench", "bed")]:
        o, place = objects[piece], rng.choice(("on", "under", ""))
        if not place:
            continue
        w, h = max(8, o["w"] // 3), max(8, o["h"] // 3)
        y = o["y"] - h + 4 if place == "on" else o["y"] + o["h"]
        x = o["x"] + rng.randint(0, o["w"] - w)
        box = (x, y, w, h)
        if 0 <= y <= HEIGHT - h and not any(_overlap(box, other) for key, other in objects.items() if key != piece):
            key = str(100 + len(objects))
            objects[key] = _thing(rng.choice(HELD), box, rng)
            _relate(objects, key, place, piece)


def _alias(objects: dict[str, Raw], rng: Random) -> None:
    """Some things have a second node: a wider name, nearly the same box, only some of the attributes."""
    for o in list(objects.values()):
        if o["name"] in ALIASES and rng.random() < 0.15:
            attributes = [a for a in o["attributes"] if rng.random() < 0.5]
            again = {**o, "name": ALIASES[o["name"]], "w": o["w"] - 1, "attributes": attributes, "relations": []}
            objects[str(100 + len(objects))] = again


def _places(s: Raw, o: Raw) -> list[str]:
    """All strict places: boxes wholly apart along the axis, within 63 degrees of it."""
    dx = o["x"] + o["w"] / 2 - s["x"] - s["w"] / 2
    dy = o["y"] + o["h"] / 2 - s["y"] - s["h"] / 2
    found = []
    if s["x"] + s["w"] <= o["x"] and abs(dx) >= abs(dy) / 2:
        found.append(LEFT)
    if s["y"] + s["h"] <= o["y"] and abs(dy) >= abs(dx) / 2:
        found.append(ABOVE)
    return found


def _locate(objects: dict[str, Raw]) -> None:
    """Edges for all strict places."""
    for s, o in ((s, o) for s in objects for o in objects if s != o):
        for place in _places(objects[s], objects[o]):
            _relate(objects, s, place, o)


def _relate(objects: dict[str, Raw], s: str, predicate: str, o: str) -> None:
    objects[s]["relations"].append({"name": predicate, "object": o})
    if predicate in BACK:
        objects[o]["relations"].append({"name": BACK[predicate], "object": s})


def _stagger(objects: dict[str, Raw], rng: Random) -> None:
    """Some things stand in front of others; in front is who reaches further down, so it is an order."""
    keys = sorted(objects, key=lambda k: objects[k]["y"] + objects[k]["h"], reverse=True)
    for near, far in pairwise(keys):
        edges = [(near, r) for r in objects[near]["relations"]] + [(far, r) for r in objects[far]["relations"]]
        linked = any(r["object"] in {near, far} - {key} for key, r in edges if r["name"] not in BACK)
        if (
            rng.random() < 0.3
            and not linked
            and not any(r["object"] == near for r in objects[far]["relations"] if r["name"] not in BACK)
        ):
            _relate(objects, near, "in front of", far)


def watched(raw: Raw, seed: int) -> Raw:
    """People and animals look at one or two things each, wherever they are, and it is all annotated."""
    rng = stream(seed, "watched")
    objects: dict[str, Raw] = {key: {**o, "relations": [*o["relations"]]} for key, o in raw["objects"].items()}
    for key, o in objects.items():
        others = [other for other in objects if other != key]
        if o["name"] in PEOPLE + ANIMALS:
            for other in rng.sample(others, min(len(others), rng.randint(1, 2))):
                _relate(objects, key, "looking at", other)
    return changed(raw, objects)


# -- changes to a scene -----------------------------------------------------------------------------------------------


def changed(raw: Raw, objects: dict[str, Raw]) -> Raw:
    """The same picture with other objects."""
    return {**raw, "objects": objects}


def _each(raw: Raw, change: Callable[[Raw], Raw]) -> Raw:
    return changed(raw, {key: {**o, **change(o)} for key, o in raw["objects"].items()})


def mirrored(raw: Raw) -> Raw:
    """Left and right exchanged, boxes and edges."""
    swap = {LEFT: RIGHT, RIGHT: LEFT}
    return _each(
        raw,
        lambda o: {
            "x": raw["width"] - o["x"] - o["w"],
            "relations": [{**r, "name": swap.get(r["name"], r["name"])} for r in o["relations"]],
        },
    )


def scaled(raw: Raw, factor: int) -> Raw:
    """The same picture, larger."""
    bigger = _each(raw, lambda o: {side: o[side] * factor for side in "xywh"})
    return {**bigger, "width": raw["width"] * factor, "height": raw["height"] * factor}


def renamed(raw: Raw, seed: int) -> Raw:
    """Other object ids, in another order, attributes and edges too."""
    rng = stream(seed, "renamed")
    keys = list(raw["objects"])
    new = dict(zip(keys, map(str, rng.sample(range(1000, 9999), len(keys))), strict=True))
    rng.shuffle(keys)
    objects = {}
    for key in keys:
        o = raw["objects"][key]
        relations = [{**r, "object": new[r["object"]]} for r in rng.sample(o["relations"], len(o["relations"]))]
        attributes = rng.sample(o["attributes"], len(o["attributes"]))
        objects[new[key]] = {**o, "attributes": attributes, "relations": relations}
    return changed(raw, objects)


def masked(raw: Raw, share: float, seed: int, keep: Collection[str] = ()) -> Raw:
    """An incomplete graph: objects (but those called as in `keep`), attributes and edges left out, each with the
    chance `share`."""
    rng = stream(seed, "masked")
    kept = {key: o for key, o in raw["objects"].items() if rng.random() >= share or o["name"] in keep}
    objects = {
        key: {
            **o,
            "attributes": [a for a in o["attributes"] if rng.random() >= share],
            "relations": [r for r in o["relations"] if r["object"] in kept and rng.random() >= share],
        }
        for key, o in kept.items()
    }
    return changed(raw, objects)


def grown(raw: Raw, noun: str) -> Raw:
    """A far larger picture with a new thing in its corner, far from all others."""
    new = {"name": noun, "x": 0, "y": 0, "w": 5, "h": 5, "attributes": [], "relations": []}
    shift = 4 * math.ceil(max(raw["width"], raw["height"]))
    moved = _each(raw, lambda o: {"x": o["x"] + shift, "y": o["y"] + shift})
    return {"width": raw["width"] + shift, "height": raw["height"] + shift, "objects": {**moved["objects"], "new": new}}
