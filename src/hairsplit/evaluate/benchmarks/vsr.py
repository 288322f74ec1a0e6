"""Visual Spatial Reasoning: true and false statements about where things are, paired within each photo."""

import msgspec

from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
    Statement,
)
from hairsplit.evaluate.benchmarks._collections import COCO_2017
from hairsplit.evaluate.benchmarks._files import Folder, read_lines

SHAPE = 'lines of {"image", "caption", "label": 0 or 1, "relation"}'
ALONE = "statement_without_one_of_the_other_label_on_its_image"


class _Row(msgspec.Struct):
    image: str
    caption: str
    label: int
    relation: str


def read(folder: Folder) -> Questions:
    """One item per pair of a true and a false statement about one image; its kind is the false one's relation.

    All statements, with those on whose image all are true or all are false, are there to be ranked.
    """
    found = Gathering()
    for _, path in folder:
        images: dict[str, tuple[list[_Row], list[_Row]]] = {}
        for _, row in read_lines(path, _Row, SHAPE):
            images.setdefault(row.image, ([], []))[bool(row.label)].append(row)
            statement = Statement(Picture(COCO_2017.name, row.image), row.caption, row.relation, bool(row.label))
            found.statements.append(statement)
        for image, (false, true) in images.items():
            if not (true and false):
                found.counts[ALONE] += len(true) + len(false)
            for t, right in enumerate(true):
                for f, wrong in enumerate(false):
                    found.add(
                        f"{path}, image {image}",
                        Question(
                            f"{image}/{t}-{f}",
                            (Picture(COCO_2017.name, image),),
                            (right.caption, wrong.caption),
                            wrong.relation,
                        ),
                    )
    return found.questions()


ENTRY = Benchmark(
    title="VSR: true against false spatial statements, about the same photo and (AUC) about all",
    read=read,
    files=(
        DataFile(
            "all_vsr_validated_data.jsonl",
            "https://raw.githubusercontent.com/cambridgeltl/visual-spatial-reasoning/master/data/data_files/"
            "all_vsr_validated_data.jsonl",
        ),
    ),
    collections=(COCO_2017,),
    items=None,
    items_note="10,119 statements; pairs of one photo are fewer",
    chance={"correct": 0.5, "auc": 0.5},
    aggregates=(
        Aggregate(name="all pairs", published="ours: see the tie rule"),
        Aggregate(name="mean of relations", over="groups", published="ours"),
    ),
    ties="miss",
    tie_rule="the paper's accuracy is that of a true/false classifier; cosines give none without a threshold fitted "
    "to data, so statements are compared, of one photo or (AUC, a tie is half) all with all; these numbers are not the "
    "paper's",
    licence="Apache-2.0; photos under their authors' licences",
    reference="arXiv:2205.00363",
    citation="Liu, Emerson, Collier, Visual Spatial Reasoning, TACL 2023",
    example={
        "all_vsr_validated_data.jsonl": '{"image": "1.jpg", "caption": "The cup is on the table.", "label": 1, '
        '"relation": "on"}\n{"image": "1.jpg", "caption": "The cup is under the table.", "label": 0, '
        '"relation": "under"}\n{"image": "2.jpg", "caption": "The dog is near the cat.", "label": 1, '
        '"relation": "near"}'
    },
)
