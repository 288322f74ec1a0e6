"""SugarCrepe: fluent, plausible hard negatives by language models, made hard to tell by their wording alone."""

import msgspec

from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
    groups,
    within,
)
from hairsplit.evaluate.benchmarks._collections import COCO_VAL_2017
from hairsplit.evaluate.benchmarks._files import Folder, read_json

COUNTS = {
    "add_att": 692,
    "add_obj": 2_062,
    "replace_att": 788,
    "replace_obj": 1_652,
    "replace_rel": 1_406,
    "swap_att": 666,
    "swap_obj": 245,
}
SHAPE = '{"0": {"filename", "caption", "negative_caption"}, ...}'
GROUPS = groups(
    replace=("replace_att", "replace_obj", "replace_rel"),
    swap=("swap_att", "swap_obj"),
    add=("add_att", "add_obj"),
)


class _Row(msgspec.Struct):
    filename: str
    caption: str
    negative_caption: str


def read(folder: Folder) -> Questions:
    """One item per row; keys may have gaps."""
    found = Gathering()
    for name, path in folder:
        kind = name.removesuffix(".json")
        for key, row in read_json(path, dict[str, _Row], SHAPE).items():
            picture = Picture(COCO_VAL_2017.name, row.filename)
            found.add(
                f"{path}, item {key}",
                Question(f"{kind}/{key}", (picture,), (row.caption, row.negative_caption), kind),
            )
    return found.questions()


ENTRY = Benchmark(
    title="SugarCrepe: true caption against a fluent hard negative (add, replace, swap)",
    read=read,
    files=tuple(
        DataFile(f"{kind}.json", f"https://raw.githubusercontent.com/RAIVNLab/sugar-crepe/main/data/{kind}.json")
        for kind in COUNTS
    ),
    collections=(COCO_VAL_2017,),
    items=sum(COUNTS.values()),
    chance={"correct": 0.5},
    aggregates=(
        Aggregate(
            name="mean of replace, swap, add",
            over="groups",
            group=GROUPS,
            groups=3,
            published="vl_compo; each group over its items",
        ),
        Aggregate(name="mean of the seven categories", over="groups", groups=7, published="mean of the seven columns"),
        Aggregate(
            name="mean of replace, swap, add, each over its categories",
            over="kinds of groups",
            group=GROUPS,
            groups=3,
            published="means of columns, group by group",
        ),
        Aggregate(name="all items", published="micro average"),
        *(
            Aggregate(name=f"{group}, all its items", group=within(GROUPS, group))
            for group in ("replace", "swap", "add")
        ),
    ),
    ties="miss",
    tie_rule="true > false, strictly (CLIP_benchmark: argmax with the true caption first, so ties are right there)",
    licence="MIT; captions COCO, CC BY 4.0; photos under their authors' licences",
    reference="arXiv:2306.14610",
    citation="Hsieh et al., SugarCrepe: Fixing Hackable Benchmarks for Vision-Language Compositionality, NeurIPS 2023",
    example={
        f"{kind}.json": '{"0": {"filename": "1.jpg", "caption": "a red cup", "negative_caption": "a blue cup"}, '
        '"2": {"filename": "2.jpg", "caption": "a dog runs", "negative_caption": "a dog sleeps"}}'
        for kind in COUNTS
    },
)
