"""SugarCrepe++: two true captions, in different words, against one false caption in nearly the words of the first."""

import msgspec

from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
)
from hairsplit.evaluate.benchmarks._collections import COCO_VAL_2017
from hairsplit.evaluate.benchmarks._files import Folder, read_lines
from hairsplit.evaluate.benchmarks._outcomes import ITT, TOT

KINDS = ("replace_att", "replace_obj", "replace_rel", "swap_att", "swap_obj")
SHAPE = '[{"filename", "caption", "caption2", "negative_caption"}, ...]'


class _Row(msgspec.Struct):
    filename: str
    caption: str
    caption2: str
    negative_caption: str


def read(folder: Folder) -> Questions:
    """One item per row: captions are the first, the second, and the false one."""
    found = Gathering()
    for name, path in folder:
        kind = name.removesuffix(".json")
        for number, row in read_lines(path, _Row, SHAPE):
            texts = (row.caption, row.caption2, row.negative_caption)
            found.add(
                f"{path}, item {number}",
                Question(f"{kind}/{number}", (Picture(COCO_VAL_2017.name, row.filename),), texts, kind, true=2),
            )
    return found.questions()


ENTRY = Benchmark(
    title="SugarCrepe++: two true captions against one false; ITT with the image, TOT between texts",
    read=read,
    files=tuple(
        DataFile(f"{kind}.json", f"https://raw.githubusercontent.com/Sri-Harsha/scpp/main/data/{kind}.json")
        for kind in KINDS
    ),
    collections=(COCO_VAL_2017,),
    items=4_757,
    outcomes=(ITT, TOT),
    chance={"itt": 1 / 3, "tot": 1 / 3},
    aggregates=(
        Aggregate(
            name="ITT, mean of the five categories",
            over="groups",
            groups=5,
            outcome="itt",
            published="mean of the paper's five columns",
        ),
        Aggregate(
            name="TOT, mean of the five categories",
            over="groups",
            groups=5,
            outcome="tot",
            published="mean of the paper's five columns",
        ),
        Aggregate(name="ITT, all items", outcome="itt", published="micro average"),
        Aggregate(name="TOT, all items", outcome="tot", published="micro average"),
    ),
    ties="miss",
    tie_rule="each of the two comparisons strict",
    licence="CC BY 4.0; photos under their authors' licences",
    reference="arXiv:2406.11171",
    citation="Dumpala et al., SUGARCREPE++ Dataset: Vision-Language Model Sensitivity to Semantic and Lexical "
    "Alterations, NeurIPS 2024",
    example={
        f"{kind}.json": '[{"id": 0, "filename": "1.jpg", "caption": "a red cup", "caption2": "a cup that is red", '
        '"negative_caption": "a blue cup"}]'
        for kind in KINDS
    },
)
