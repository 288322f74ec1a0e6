"""Winoground: two images and two captions of the same words; which belongs to which."""

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
)
from hairsplit.evaluate.benchmarks._files import Folder, read_lines
from hairsplit.evaluate.benchmarks._outcomes import GROUP, IMAGE, TEXT

SHAPE = 'lines of {"id", "image_0", "image_1", "caption_0", "caption_1", "collapsed_tag"}'
IMAGES = Collection(
    "Winoground images",
    "https://huggingface.co/datasets/facebook/winoground, data/images.zip (gated)",
    ("images", "data/images", "."),
)


class _Row(msgspec.Struct):
    id: int | str
    image_0: str
    image_1: str
    caption_0: str
    caption_1: str
    collapsed_tag: str = "untagged"


def read(folder: Folder) -> Questions:
    """One item per row."""
    found = Gathering()
    for _, path in folder:
        for number, row in read_lines(path, _Row, SHAPE):
            images = tuple(Picture(IMAGES.name, _with_suffix(name)) for name in (row.image_0, row.image_1))
            found.add(
                f"{path}, item {number}",
                Question(
                    f"{row.id}",
                    images,
                    (row.caption_0, row.caption_1),
                    row.collapsed_tag or "untagged",
                    true=2,
                    cluster=f"{row.id}",
                ),
            )
    return found.questions()


def _with_suffix(name: str) -> str:
    return name if name.lower().endswith((".png", ".jpg", ".jpeg")) else f"{name}.png"


ENTRY = Benchmark(
    title="Winoground: two images, two captions of the same words; text, image and group score",
    read=read,
    files=(DataFile("examples.jsonl", "https://huggingface.co/datasets/facebook/winoground, data/ (gated)"),),
    collections=(IMAGES,),
    items=400,
    outcomes=(TEXT, IMAGE, GROUP),
    chance={"text": 1 / 4, "image": 1 / 4, "group": 1 / 6},
    aggregates=(
        Aggregate(name="group", outcome="group", published="the paper"),
        Aggregate(name="text", outcome="text", published="the paper"),
        Aggregate(name="image", outcome="image", published="the paper"),
    ),
    ties="miss",
    tie_rule="all comparisons strict",
    blind="each caption is right for one image and wrong for the other: no reader blind to the images beats chance",
    licence="Winoground licence of Meta AI (research, gated); images Getty",
    reference="arXiv:2204.03162",
    citation="Thrush et al., Winoground: Probing Vision and Language Models for Visio-Linguistic Compositionality, "
    "CVPR 2022",
    example={
        "examples.jsonl": '{"id": 0, "image_0": "ex_0_img_0", "image_1": "ex_0_img_1", "caption_0": "a mug in grass", '
        '"caption_1": "grass in a mug", "tag": "Noun", "collapsed_tag": "Object"}\n'
        '{"id": 1, "image_0": "ex_1_img_0", "image_1": "ex_1_img_1", "caption_0": "a dog on a cat", '
        '"caption_1": "a cat on a dog", "tag": "Noun", "collapsed_tag": "Object"}'
    },
)
