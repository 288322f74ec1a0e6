"""VALSE: a true caption against a foil, one linguistic phenomenon at a time."""

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
    groups,
)
from hairsplit.evaluate.benchmarks._collections import COCO_TRAIN_2014, COCO_VAL_2014, COCO_VAL_2017, SWIG
from hairsplit.evaluate.benchmarks._files import Folder, read_json

VISUAL_7W = Collection(
    "Visual7W",
    "http://vision.stanford.edu/yukezhu/visual7w_images.zip",
    ("visual7w/images", "visual7w", "images", "."),
)
VISDIAL = Collection(
    "VisDial val2018",
    "https://visualdialog.org/data (v1.0 validation images)",
    ("VisualDialog_val2018", "visdial/VisualDialog_val2018", "images", "."),
)
INSTRUMENTS = {
    "existence": (505, VISUAL_7W),
    "plurals": (851, COCO_VAL_2017),
    "counting-hard": (868, VISUAL_7W),
    "counting-small-quant": (900, VISUAL_7W),
    "counting-adversarial": (691, VISUAL_7W),
    "relations": (535, COCO_VAL_2017),
    "action-replacement": (648, SWIG),
    "actant-swap": (949, SWIG),
    "coreference-standard": (708, COCO_TRAIN_2014),
    "coreference-hard": (104, VISDIAL),
    "foil-it": (943, COCO_VAL_2014),
}
"""Instrument -> valid rows, pictures."""
PHENOMENA = groups(
    existence=("existence",),
    plurality=("plurals",),
    counting=("counting-hard", "counting-small-quant", "counting-adversarial"),
    relations=("relations",),
    actions=("action-replacement", "actant-swap"),
    coreference=("coreference-standard", "coreference-hard"),
    foil_it=("foil-it",),
)
FEWEST_VOTES = 2
"""Of three annotators who chose the caption and not the foil; VALSE's own rule for a valid row."""
UNCONFIRMED = "fewer_than_2_of_3_annotators_chose_the_caption"
SHAPE = '{"<id>": {"image_file", "caption", "foil", "mturk": {"caption", "foil", "other"}}, ...}'


class _Votes(msgspec.Struct):
    caption: int


class _Row(msgspec.Struct):
    image_file: str
    caption: str | list[str]
    foil: str
    mturk: _Votes


def read(folder: Folder) -> Questions:
    """One item per valid row."""
    found = Gathering()
    for name, path in folder:
        kind = name.removesuffix(".json")
        pictures = INSTRUMENTS[kind][1]
        for key, row in read_json(path, dict[str, _Row], SHAPE).items():
            if row.mturk.caption < FEWEST_VOTES:
                found.left_out[UNCONFIRMED] += 1
                continue
            caption = row.caption if isinstance(row.caption, str) else row.caption[0]
            picture = Picture(pictures.name, row.image_file)
            found.add(f"{path}, item {key}", Question(f"{kind}/{key}", (picture,), (caption, row.foil), kind))
    return found.questions()


ENTRY = Benchmark(
    title="VALSE: true caption against a foil, eleven instruments of seven linguistic phenomena",
    read=read,
    files=tuple(
        DataFile(f"{kind}.json", f"https://raw.githubusercontent.com/Heidelberg-NLP/VALSE/main/data/{kind}.json")
        for kind in INSTRUMENTS
    ),
    collections=(VISUAL_7W, COCO_VAL_2017, SWIG, COCO_TRAIN_2014, VISDIAL, COCO_VAL_2014),
    items=sum(count for count, _ in INSTRUMENTS.values()),
    items_note="valid rows; 8,782 in the files",
    chance={"correct": 0.5},
    aggregates=(
        Aggregate(
            name="mean of 7 phenomena, each over its items",
            over="groups",
            group=PHENOMENA,
            groups=7,
            published="vl_compo, if it pools a phenomenon's items",
        ),
        Aggregate(
            name="mean of 7 phenomena, each over its instruments",
            over="kinds of groups",
            group=PHENOMENA,
            groups=7,
            published="vl_compo, if it averages its columns",
        ),
        Aggregate(name="mean of 11 instruments", over="groups", groups=11, published="CE-CLIP"),
        Aggregate(name="all valid items", published="micro average"),
    ),
    ties="miss",
    tie_rule="score(caption) > score(foil), strictly (pairwise accuracy acc_r)",
    licence="MIT; captions COCO, SWiG, Visual7W, VisDial under their own terms",
    reference="arXiv:2112.07566",
    citation="Parcalabescu et al., VALSE: A Task-Independent Benchmark for Vision and Language Models Centered on "
    "Linguistic Phenomena, ACL 2022",
    example={
        f"{kind}.json": '{"x_0": {"image_file": "1.jpg", "caption": "There are two cups.", '
        '"foil": "There is one cup.", "mturk": {"foil": 0, "caption": 3, "other": 0}}, '
        '"x_1": {"image_file": "2.jpg", "caption": "A dog.", "foil": "A cat.", '
        '"mturk": {"foil": 2, "caption": 1, "other": 0}}}'
        for kind in INSTRUMENTS
    },
)
