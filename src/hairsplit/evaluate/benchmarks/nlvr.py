"""NLVR (version 1): drawings of simple scenes, with sentences that are true of some and false of others."""

import json
import math
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    Collection,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
    Unit,
    own,
    within,
)
from hairsplit.evaluate.benchmarks._files import Folder, read_lines

SPLITS = ("dev", "test")
SHAPE = 'lines of {"identifier": "n-m", "sentence", "label": "true" or "false", "directory", "structured_rep"}'
IMAGES = Collection(
    "NLVR drawings",
    "https://github.com/lil-lab/nlvr, nlvr/dev/images and nlvr/test/images",
    (".", "nlvr", "images", "data"),
)
CONTRAST, SHARED = "image_contrast", "shared_scene"
ONE_LABEL = "sentence_with_one_label_only"


class _Row(msgspec.Struct):
    identifier: str
    sentence: str
    label: Literal["true", "false"] | bool
    structured_rep: Any = None
    directory: int | str = 0

    @property
    def is_true(self) -> bool:
        return self.label in {"true", True}

    @property
    def prompt(self) -> str:
        return self.identifier.rsplit("-", 1)[0]


def read(folder: Folder) -> Questions:
    """Two sorts of items, each of pictures in their first permutation of boxes.

    image_contrast: one sentence, a drawing of which it is true, and all drawings of its prompt of which it is false.
    shared_scene: one drawing, a sentence that is true of it and one that is false, where two prompts share a scene.
    """
    found = Gathering()
    scenes: dict[str, list[tuple[str, _Row]]] = {}
    for name, path in folder:
        split = name.split("/", 1)[0]
        prompts: dict[str, list[_Row]] = {}
        for _, row in read_lines(path, _Row, SHAPE):
            prompts.setdefault(row.prompt, []).append(row)
            if row.structured_rep:
                scenes.setdefault(_scene(row.structured_rep), []).append((split, row))
        for prompt, rows in prompts.items():
            _contrasts(found, f"{path}, prompt {prompt}", split, prompt, rows)
    for scene, members in scenes.items():
        _shared(found, scene, members)
    return found.questions()


def _picture(split: str, row: _Row) -> Picture:
    return Picture(IMAGES.name, f"{split}/images/{row.directory}/{split}-{row.identifier}-0.png")


def _contrasts(found: Gathering, where: str, split: str, prompt: str, rows: Sequence[_Row]) -> None:
    true, false = [row for row in rows if row.is_true], [row for row in rows if not row.is_true]
    if not (true and false):
        found.left_out[ONE_LABEL] += len(rows)
        return
    others = tuple(_picture(split, row) for row in false)
    chance = 1 / math.comb(len(rows), len(true))  # that all true ones rank first: they share their rivals
    unit = Unit(f"{split}-{prompt}", len(true), chance)
    for row in true:
        found.add(
            where,
            Question(
                f"{CONTRAST}/{split}-{row.identifier}",
                (_picture(split, row), *others),
                (row.sentence,),
                CONTRAST,
                units={"sentence": unit},
                cluster=unit.id,
            ),
        )


def _shared(found: Gathering, scene: str, members: Sequence[tuple[str, _Row]]) -> None:
    for split, right in members:
        for other, wrong in members:
            if right.is_true and not wrong.is_true and right.sentence.lower() != wrong.sentence.lower():
                name = f"{SHARED}/{split}-{right.identifier}/{other}-{wrong.identifier}"
                picture = _picture(split, right)
                texts = (right.sentence, wrong.sentence)
                found.add(f"scene of {picture.path}", Question(name, (picture,), texts, SHARED, cluster=scene))


def _scene(boxes: Any) -> str:
    """The scene as text, whatever the order of its three boxes and of the items in them."""
    if not isinstance(boxes, list):
        return json.dumps(boxes, sort_keys=True)
    packed = [
        sorted(json.dumps(item, sort_keys=True) for item in box) if isinstance(box, list) else [json.dumps(box)]
        for box in boxes
    ]
    return json.dumps(sorted(packed))


ENTRY = Benchmark(
    title="NLVR v1: one sentence over drawings true and false, and two sentences over one drawing",
    read=read,
    files=tuple(
        DataFile(
            f"{split}/{split}.json", f"https://raw.githubusercontent.com/lil-lab/nlvr/master/nlvr/{split}/{split}.json"
        )
        for split in SPLITS
    ),
    collections=(IMAGES,),
    items=None,
    items_note="built from dev and test",
    chance={"correct": None},
    aggregates=(
        Aggregate(
            name="mean of image contrast and shared scene", over="groups", groups=2, published="ours: see the tie rule"
        ),
        Aggregate(name="image contrast", group=within(own, CONTRAST), published="ours"),
        Aggregate(
            name="image contrast, all drawings of a sentence",
            group=within(own, CONTRAST),
            unit="sentence",
            published="ours",
        ),
        Aggregate(name="shared scene", group=within(own, SHARED), published="ours"),
    ),
    ties="miss",
    tie_rule="the paper's accuracy is that of a true/false classifier; cosines give none without a threshold fitted "
    "to data, so drawings and sentences are compared instead; these numbers are not the paper's",
    licence="CC BY 4.0",
    reference="doi:10.18653/v1/P17-2034",
    citation="Suhr, Lewis, Yeh, Artzi, A Corpus of Natural Language for Visual Reasoning, ACL 2017",
    example={
        "dev/dev.json": '{"identifier": "1-0", "sentence": "There is a red box.", "label": "true", "directory": 0, '
        '"structured_rep": [[{"color": "red"}], [], []]}\n{"identifier": "1-1", "sentence": "There is a red box.", '
        '"label": "false", "directory": 0, "structured_rep": [[{"color": "blue"}], [], []]}\n'
        '{"identifier": "2-0", "sentence": "Nothing is red.", "label": "false", "directory": 0, '
        '"structured_rep": [[], [{"color": "red"}], []]}',
        "test/test.json": '{"identifier": "1-0", "sentence": "A box is blue.", "label": "true", "directory": 0, '
        '"structured_rep": [[{"color": "blue"}, {"color": "red"}], [], []]}\n{"identifier": "1-1", "sentence": '
        '"A box is blue.", "label": "false", "directory": 0, "structured_rep": [[], [], []]}',
    },
)
