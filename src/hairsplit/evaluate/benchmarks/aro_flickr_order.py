"""ARO Flickr order: a Flickr30k caption against four shuffles of its words."""

from hairsplit.evaluate.benchmarks._benchmark import Benchmark, Questions
from hairsplit.evaluate.benchmarks._collections import FLICKR_30K
from hairsplit.evaluate.benchmarks._files import Folder
from hairsplit.evaluate.benchmarks._karpathy import FLICKR_EXAMPLE, FLICKR_TEST
from hairsplit.evaluate.benchmarks._order import AGGREGATES, ITEMS_NOTE, TIE_RULE, read_order


def read(folder: Folder) -> Questions:
    """One item per caption."""
    return read_order(folder, FLICKR_30K)


ENTRY = Benchmark(
    title="ARO Flickr order: caption against its own words in other orders (frozen shuffles of ours)",
    read=read,
    files=(FLICKR_TEST,),
    collections=(FLICKR_30K,),
    items=5_000,
    items_note=ITEMS_NOTE,
    chance={"correct": None},
    aggregates=AGGREGATES,
    ties="hit",
    tie_rule=TIE_RULE,
    licence="code MIT; captions for research and education, by form; photos under Flickr's terms",
    reference="arXiv:2210.01936",
    citation="Yuksekgonul et al., When and Why Vision-Language Models Behave like Bags-of-Words, ICLR 2023",
    example={FLICKR_TEST.name: FLICKR_EXAMPLE},
)
