"""ARO Visual Genome attribution: which of two things has which of two attributes."""

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.benchmarks._aro import CITATION, IMAGES, LICENCE, REFERENCE, TIE_RULE, Row, read_rows
from hairsplit.evaluate.benchmarks._benchmark import Aggregate, Benchmark, DataFile, Questions
from hairsplit.evaluate.benchmarks._files import Folder

FEWEST = 25
"""Items of an attribute pair that ARO's own code averages over."""


def _kind(row: Row, where: str) -> str:
    if not row.attributes or len(row.attributes) != 2:
        raise HairsplitError("`attributes` is no pair", where=where, hint="fetch the file again")
    return f"{row.attributes[0]}_{row.attributes[1]}"


def read(folder: Folder) -> Questions:
    """One item per row; its kind is the pair of attributes."""
    return read_rows(folder, _kind, "attributes")


ENTRY = Benchmark(
    title="ARO VG-Attribution: the attributes of two things against their swap",
    read=read,
    files=(
        DataFile("visual_genome_attribution.json", "https://drive.google.com/uc?id=13tWvOrNOLHxl3Rm9cR3geAdHx2qR3-Tw"),
    ),
    collections=(IMAGES,),
    items=28_748,
    items_note="as reported; not verified",
    chance={"correct": 0.5},
    aggregates=(
        Aggregate(
            name="mean of attribute pairs with 25 items or more", over="groups", at_least=FEWEST, published="ARO"
        ),
        Aggregate(name="mean of all attribute pairs", over="groups", published="Structure-CLIP"),
        Aggregate(name="all items", published="micro average"),
    ),
    ties="miss",
    tie_rule=TIE_RULE,
    licence=LICENCE,
    reference=REFERENCE,
    citation=CITATION,
    example={
        "visual_genome_attribution.json": '[{"image_path": "1.jpg", "bbox_x": 2, "bbox_y": 1, '
        '"bbox_w": 12, "bbox_h": 9, "true_caption": "the red cup and the old table", '
        '"false_caption": "the old cup and the red table", "attributes": ["red", "old"]}]'
    },
)
