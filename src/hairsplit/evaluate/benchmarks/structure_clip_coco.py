"""Structure-CLIP's COCO test: each caption against its own with words swapped along the scene graph."""

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
from hairsplit.evaluate.benchmarks._collections import COCO_VAL_2014
from hairsplit.evaluate.benchmarks._files import Folder, read_lines

SHAPE = '[{"image", "text", "neg_text"}, ...]'


class _Row(msgspec.Struct):
    image: str
    text: str
    neg_text: str | None = None


def read(folder: Folder) -> Questions:
    """One item per row that has a negative."""
    found = Gathering()
    for _, path in folder:
        for number, row in read_lines(path, _Row, SHAPE):
            if not (row.neg_text or "").strip():
                found.left_out["no_negative"] += 1
                continue
            picture = Picture(COCO_VAL_2014.name, row.image)
            found.add(
                f"{path}, item {number}",
                Question(f"{number}", (picture,), (row.text, row.neg_text or ""), "scene_graph_swap"),
            )
    return found.questions()


ENTRY = Benchmark(
    title="Structure-CLIP COCO: caption against the same with words swapped along its scene graph",
    read=read,
    files=(
        DataFile(
            "test_coco_aug_withneg.json",
            "not public: github.com/zjukg/Structure-CLIP issue 22; ask its authors, or make it with their code",
        ),
    ),
    collections=(COCO_VAL_2014,),
    items=None,
    items_note="at most 25,010 captions",
    chance={"correct": 0.5},
    aggregates=(Aggregate(name="all items", published="Structure-CLIP; its R@K is `coco_retrieval`"),),
    ties="miss",
    tie_rule="score(text) > score(neg_text)",
    licence="captions COCO, CC BY 4.0; negatives not stated; photos under their authors' licences",
    reference="arXiv:2305.06152",
    citation="Huang et al., Structure-CLIP: Towards Scene Graph Knowledge to Enhance Multi-modal Structured "
    "Representations, AAAI 2024",
    example={
        "test_coco_aug_withneg.json": '[{"image": "val2014/COCO_val2014_000000000001.jpg", "text": '
        '"a dog chases a cat", "neg_text": "a cat chases a dog"}, {"image": '
        '"val2014/COCO_val2014_000000000002.jpg", "text": "a cup", "neg_text": ""}]'
    },
)
