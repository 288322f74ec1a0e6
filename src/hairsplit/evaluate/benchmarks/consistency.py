"""Consistency: whether scores obey a paraphrase, a wrong detail, a negation, a mirror; on drawn scenes."""

import json

import numpy as np

from hairsplit.core.run import stream
from hairsplit.core.types import Reject, Scene
from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    Collection,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
    groups,
    within,
)
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._outcomes import GROUP, IMAGE, TEXT, TOT, Beats, BoolArray, Cosines, Outcome
from hairsplit.evaluate.benchmarks._scene_checks import CHECKS, captions_of, is_drawn, mirrored
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.readers.gqa import read_scenes

SEED = 0
"""Of the choice of captions: the items of a drawn set are always the same."""
DRAWN = Collection("drawn pictures", "hairsplit draw", ("images", "."))
TRAINED_ON, NOT_DRAWN = "scene_of_the_training_split", "scene_with_a_thing_that_is_no_drawn_shape"
CLEANED = "scene_that_had_to_be_cleaned"
KINDS = {
    "paraphrase": ("paraphrase_thing", "paraphrase_relation"),
    "half_truth": ("half_truth_attribute", "half_truth_thing", "half_truth_relation"),
    "negation": ("negation_thing", "negation_attribute"),
    "mirror": ("mirror",),
}
"""Check -> kinds of items."""
CHECK = groups(**KINDS)
"""Kind -> check."""
ASKED = {
    "paraphrase": ("consistent", "tot"),
    "half_truth": ("consistent", "short", "detail", "raised"),
    "negation": ("consistent", "present", "absent", "affirmed", "denied"),
    "mirror": ("consistent", "text", "image"),
}
"""Check -> what is asked of its items."""


def read(folder: Folder) -> Questions:
    """At most one item of each kind per scene; scenes to train on are left out, and those not wholly known."""
    found = Gathering()
    for _, path in folder:
        scenes: list[Scene] = []
        cleaned = False
        for row in read_scenes(path):
            if isinstance(row, Reject):  # the next scene lacks something that was annotated: what it lacks is not false
                cleaned = True
            else:
                if reason := _why_not(row, cleaned=cleaned):
                    found.left_out[reason] += 1
                else:
                    scenes.append(row)
                cleaned = False
        for scene in sorted(scenes, key=lambda scene: scene.image_id):
            _ask(found, f"{path}, scene {scene.image_id}", scene)
    return found.questions()


def _why_not(scene: Scene, *, cleaned: bool) -> str:
    if scene.split == "train":
        return TRAINED_ON
    return CLEANED if cleaned else "" if is_drawn(scene) else NOT_DRAWN


def _ask(found: Gathering, where: str, scene: Scene) -> None:
    facts, in_mirror = Facts(scene, "closed"), Facts(mirrored(scene), "closed")
    shown = Picture(DRAWN.name, scene.image or f"{scene.image_id}.jpg")
    reflected = Picture(shown.collection, shown.path, mirrored=True)
    for kind in CHECKS:
        captions = captions_of(kind, facts, in_mirror, stream(SEED, scene.image_id, kind))
        if isinstance(captions, str):
            found.left_out[f"{kind}: {captions}"] += 1
            continue
        images = (shown, reflected) if kind == "mirror" else (shown,)
        texts = tuple(said.text for said in captions)
        item = Question(f"{kind}/{scene.image_id}", images, texts, kind, true=2, asked=ASKED[CHECK(kind) or ""])
        found.add(where, item)


def _consistent(cosines: Cosines, beats: Beats) -> BoolArray:
    if cosines.image_text.shape[1] == 2:
        return GROUP.right(cosines, beats)
    s = cosines.image_text[:, 0]  # [n, C]
    return np.asarray(beats(s[:, :2, None], s[:, None, 2:]).all(axis=(1, 2)))


def _chance(images: int, captions: int) -> float:
    """Of C captions in random order, the two true ones come first; of two pictures, as Winoground's group score."""
    return GROUP.chance(images, captions) if images == 2 else 2 / (captions * (captions - 1))


def _above(name: str, one: int, other: int, meaning: str) -> Outcome:
    """Whether one caption of an item scores above another."""

    def right(cosines: Cosines, beats: Beats) -> BoolArray:
        return beats(cosines.image_text[:, 0, one], cosines.image_text[:, 0, other])

    return Outcome(name, right, lambda _i, _c: 1 / 2, meaning)


OUTCOMES = (
    Outcome("consistent", _consistent, _chance, "every comparison of a true with a false caption of the item is right"),
    TOT,
    _above("short", 0, 2, "the true caption scores higher without a false detail than with it"),
    _above("detail", 1, 2, "the caption scores higher with the true than with the false detail"),
    _above("raised", 1, 0, "the true caption scores higher with a true detail than without; no error if not"),
    _above("present", 0, 3, "there is x scores higher than there is y"),
    _above("absent", 1, 2, "there is no y scores higher than there is no x"),
    _above("affirmed", 0, 2, "there is x scores higher than there is no x"),
    _above("denied", 1, 3, "there is no y scores higher than there is y"),
    TEXT,
    IMAGE,
)


def _number(check: str, name: str, outcome: str = "consistent", published: str = "ours") -> Aggregate:
    return Aggregate(
        name=name,
        over="groups",
        groups=len(KINDS[check]),
        group=within(CHECK, check),
        outcome=outcome,
        published=published,
    )


def _thing(number: int, noun: str, colour: str, size: str, place: tuple[int, int]) -> tuple[str, dict[str, object]]:
    box = {"x": place[0], "y": place[1], "w": 10, "h": 10}
    return str(number), {"name": noun, **box, "attributes": [colour, size], "relations": []}


ENTRY = Benchmark(
    title="Consistency on drawn scenes: paraphrase, half-truth, negation, mirrored pictures",
    read=read,
    files=(DataFile("scene_graphs.json", "hairsplit draw --out DIR"),),
    collections=(DRAWN,),
    items=None,
    items_note="at most eight of each drawn scene outside the training split",
    outcomes=OUTCOMES,
    chance={"consistent": None, "tot": 1 / 3, "text": 1 / 4, "image": 1 / 4}
    | dict.fromkeys(("short", "detail", "raised", "present", "absent", "affirmed", "denied"), 1 / 2),
    aggregates=(
        Aggregate(
            name="mean of the four checks",
            over="kinds of groups",
            groups=4,
            group=CHECK,
            outcome="consistent",
            published="ours",
        ),
        _number("paraphrase", "paraphrase, ITT", published="ours, as SugarCrepe++"),
        _number("paraphrase", "paraphrase, TOT", "tot", "ours, as SugarCrepe++"),
        _number("half_truth", "half-truth, both true captions"),
        _number("half_truth", "half-truth, the short caption", "short"),
        _number("half_truth", "half-truth, the true detail", "detail"),
        _number("half_truth", "a true detail raises the score", "raised", "ours; no error if not"),
        _number("negation", "negation, all four comparisons"),
        _number("negation", "negation, of what is absent", "absent"),
        _number("negation", "negation, affirmed beats denied", "affirmed"),
        _number("negation", "negation, denied beats affirmed", "denied"),
        _number("negation", "negation, the same affirmed", "present"),
        _number("mirror", "mirror, group", published="ours, as Winoground"),
        _number("mirror", "mirror, text", "text", "ours, as Winoground"),
        _number("mirror", "mirror, image", "image", "ours, as Winoground"),
    ),
    ties="miss",
    tie_rule="all comparisons strict",
    licence="Apache-2.0: pictures and captions are made by hairsplit",
    reference="arXiv:2406.11171",
    citation="drawn by hairsplit; after Dumpala et al., SUGARCREPE++, NeurIPS 2024 (paraphrase), and Thrush et al., "
    "Winoground, CVPR 2022 (two pictures)",
    example={
        "scene_graphs.json": json.dumps(
            {
                name: {
                    "width": 48,
                    "height": 48,
                    "image": f"{name}.png",
                    "split": "test",
                    "objects": dict(
                        (
                            _thing(0, "circle", "red", "small", (4, 20)),
                            _thing(1, "square", colour, "small", (30, 22)),
                        )
                    ),
                }
                for name, colour in (("a", "blue"), ("b", "green"))
            }
        )
    },
)
