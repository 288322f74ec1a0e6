"""ARO COCO order: a COCO caption against four shuffles of its words."""

from hairsplit.evaluate.benchmarks._benchmark import Benchmark, Questions
from hairsplit.evaluate.benchmarks._collections import COCO_VAL_2014
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._karpathy import COCO_EXAMPLE, COCO_TEST
from hairsplit.evaluate.benchmarks._order import AGGREGATES, ITEMS_NOTE, TIE_RULE, read_order


def read(folder: Folder) -> Questions:
    """One item per caption."""
    return read_order(folder, COCO_VAL_2014)


ENTRY = Benchmark(
    title="ARO COCO order: caption against its own words in other orders (frozen shuffles of ours)",
    read=read,
    files=(COCO_TEST,),
    collections=(COCO_VAL_2014,),
    items=25_010,
    items_note=ITEMS_NOTE,
    chance={"correct": None},
    aggregates=AGGREGATES,
    ties="hit",
    tie_rule=TIE_RULE,
    licence="code MIT; captions COCO, CC BY 4.0; photos under their authors' licences",
    reference="arXiv:2210.01936",
    citation="Yuksekgonul et al., When and Why Vision-Language Models Behave like Bags-of-Words, ICLR 2023",
    example={COCO_TEST.name: COCO_EXAMPLE},
)
