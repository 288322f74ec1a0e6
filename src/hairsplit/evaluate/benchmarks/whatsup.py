"""What'sUp: prepositions, on photos in which nothing else changes, and on COCO and GQA."""

from pathlib import PurePosixPath

import msgspec

from hairsplit.core.errors import HairsplitError
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
    groups,
    own,
    within,
)
from hairsplit.evaluate.benchmarks._collections import COCO_VAL_2017
from hairsplit.evaluate.benchmarks._files import Folder, read_lines

_DRIVE = "https://drive.google.com/uc?id="
A = Collection(
    "What'sUp controlled photos A",
    f"{_DRIVE}19KGYVQjrV3syb00GgcavB2nZTW5NXX0H (controlled_images.tar.gz)",
    ("controlled_images", "data/controlled_images", "images/controlled_images"),
)
B = Collection(
    "What'sUp controlled photos B",
    f"{_DRIVE}13jdBpg8t3NqW3jrL6FK8HO93vwsUjDxG (controlled_clevr.tar.gz)",
    ("controlled_clevr", "data/controlled_clevr", "images/controlled_clevr"),
)
VG = Collection(
    "What'sUp GQA photos",
    f"{_DRIVE}1idW7Buoz7fQm4-670n-oERw9U-2JLJvE (vg_images.tar.gz)",
    ("vg_images", "data/vg_images", "images", "."),
)
FOUR = {
    "controlled_images_dataset.json": ("controlled_A", f"{_DRIVE}1ap8mmmpQjLIjPGuplkpBgc1hoEHCj4hm"),
    "controlled_clevr_dataset.json": ("controlled_B", f"{_DRIVE}1unNNosLbdy9NDjgj4l8fsQP3WiAAGA6z"),
}
"""Files with four options -> subset, where published."""
TWO = {
    "coco_qa_one_obj.json": ("coco_one", f"{_DRIVE}1RsMdpE9mmwnK4zzMPpC1-wTU_hNis-dq"),
    "coco_qa_two_obj.json": ("coco_two", f"{_DRIVE}1TCEoM0mgFmz8T4cF7PQ3XJmO6JjtiQ-s"),
    "vg_qa_one_obj.json": ("gqa_one", f"{_DRIVE}1ARMRzRdohs9QTr1gpIfzyUzvW20wYp_p"),
    "vg_qa_two_obj.json": ("gqa_two", f"{_DRIVE}1sjVG5O3QMY8s118k7kQM8zzDZH12i_95"),
}
"""Files with two options -> subset, where published."""
OPPOSITE = {"left": "sides", "right": "sides", "on": "other", "under": "other", "in-front": "other", "behind": "other"}
"""Preposition in a file's name -> which of the two pairs of its set the photo belongs to."""


class _Row(msgspec.Struct):
    image_path: str
    caption_options: list[str]


def read(folder: Folder) -> Questions:
    """One item per photo; of the controlled subsets two form a pair (opposites) and four a set (same two things)."""
    found = Gathering()
    for name, path in folder:
        if name in FOUR:
            for number, row in read_lines(path, _Row, '[{"image_path", "caption_options": [4]}, ...]'):
                _four(found, f"{path}, item {number}", FOUR[name][0], number, row)
            continue
        kind = TWO[name][0]
        shape = "[[image id, right caption, wrong caption], ...]"
        for number, (image, right, wrong) in read_lines(path, tuple[int | str, str, str], shape):
            picture = (
                Picture(VG.name, f"{image}.jpg")
                if kind.startswith("gqa")
                else Picture(COCO_VAL_2017.name, f"{str(image).zfill(12)}.jpg")
            )
            found.add(f"{path}, item {number}", Question(f"{kind}/{number}", (picture,), (right, wrong), kind))
    return found.questions()


def _four(found: Gathering, where: str, kind: str, number: int, row: _Row) -> None:
    file = PurePosixPath(row.image_path)
    first, preposition, *_, last = [*file.stem.split("_"), ""][:-1] if file.stem.count("_") >= 2 else ("", "", "")
    if len(row.caption_options) != 4 or preposition not in OPPOSITE:
        raise HairsplitError(
            "not four options of a photo named <thing>_<preposition>_..._<thing>", where=where, hint="fetch it again"
        )
    things = f"{kind}/{first}/{last}"
    found.add(
        where,
        Question(
            f"{kind}/{number}",
            (Picture((A if kind == "controlled_A" else B).name, file.name),),
            tuple(row.caption_options),
            kind,
            units={"pair": Unit(f"{things}/{OPPOSITE[preposition]}", 2), "set": Unit(things, 4)},
            cluster=things,
        ),
    )


_BY_TABLE = groups(
    controlled=("controlled_A", "controlled_B"), coco=("coco_one", "coco_two"), gqa=("gqa_one", "gqa_two")
)


def _units(kind: str, unit: str) -> Aggregate:
    return Aggregate(name=f"{kind}, {unit}s", group=within(own, kind), unit=unit, published="table 3")


ENTRY = Benchmark(
    title="What'sUp: prepositions; photos that differ in nothing else, by photo, pair and set, and COCO and GQA",
    read=read,
    files=tuple(DataFile(name, published) for name, (_, published) in (FOUR | TWO).items()),
    collections=(A, B, COCO_VAL_2017, VG),
    items=412 + 408 + 2_247 + 440 + 1_160 + 291,
    items_note="derived from published accuracies",
    chance={"correct": None},
    aggregates=(
        Aggregate(
            name="mean of the six subsets", over="groups", groups=6, published="vl_compo, READ-CLIP (chance 41.7)"
        ),
        Aggregate(
            name="mean of controlled, COCO, GQA, each over its two subsets",
            over="kinds of groups",
            group=_BY_TABLE,
            groups=3,
            published="the paper's table 1 gives the three columns",
        ),
        *(_units(kind, unit) for kind in ("controlled_A", "controlled_B") for unit in ("pair", "set")),
        Aggregate(name="all photos", published="micro average"),
    ),
    ties="hit",
    tie_rule="argmax with the right caption first, so ties are right",
    licence="MIT; photos of COCO and GQA under their own terms",
    reference="arXiv:2310.19785",
    citation='Kamath, Hessel, Chang, What\'s "up" with vision-language models? Investigating their struggle with '
    "spatial reasoning, EMNLP 2023",
    example={
        name: "["
        + ", ".join(
            f'{{"image_path": "data/{folder}/mug_{word}_table.jpeg", "caption_options": '
            f'["A mug {word}", "A mug {word} no. 2", "A mug {word} no. 3", "A mug {word} no. 4"]}}'
            for word in ("left_of", "right_of", *rest)
        )
        + "]"
        for name, folder, rest in (
            ("controlled_images_dataset.json", "controlled_images", ("on", "under")),
            ("controlled_clevr_dataset.json", "controlled_clevr", ("in-front_of", "behind")),
        )
    }
    | dict.fromkeys(TWO, '[[1, "A cup on the left", "A cup on the right"]]'),
)
