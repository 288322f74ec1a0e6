"""Hard Negative Captions, the human-annotated test: caption pairs on GQA photos, ten types."""

from hairsplit.core.types import Pair, Reject
from hairsplit.data.formats import FORMATS
from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    DataFile,
    Gathering,
    Picture,
    Question,
    Questions,
)
from hairsplit.evaluate.benchmarks._collections import GQA
from hairsplit.evaluate.benchmarks._files import Folder


def read(folder: Folder) -> Questions:
    """One item per pair, as `hairsplit import hnc_test` reads them."""
    found = Gathering()
    for _, path in folder:
        number = 0
        for row in FORMATS["hnc_test"].read(path):
            if isinstance(row, Reject):
                found.left_out[row.reason] += 1
            elif isinstance(row, Pair):
                texts = (row.caption, row.negative or "")
                found.add(
                    f"{path}, image {row.image}",
                    Question(f"{row.image}/{number}", (Picture(GQA.name, row.image),), texts, row.kind),
                )
                number += 1
            else:
                found.counts[row.what] += 1
    return found.questions()


ENTRY = Benchmark(
    title="HNC human test: hard negative captions of GQA photos, ten types",
    read=read,
    files=(DataFile("filtered_test_data.json", "doi:10.18419/darus-4341, or huggingface.co/datasets/patilli/HNC"),),
    collections=(GQA,),
    items=871,
    items_note="872 pairs, one of which has identical texts and is left out",
    chance={"correct": 0.5},
    aggregates=(
        Aggregate(name="all items", published="the thesis, counted over pairs"),
        Aggregate(name="mean of the types", over="groups", published="macro average"),
    ),
    ties="miss",
    tie_rule="the thesis counts cos+ / (cos- + 1e-8) >= 1, so ties of positive cosines are misses in float64",
    licence="not stated; images: GQA, CC BY 4.0",
    reference="doi:10.18653/v1/2023.conll-1.24",
    citation="Dönmez, Tilli, Yang, Vu, Silberer, HNC: Leveraging Hard Negative Captions towards Models with "
    "Fine-Grained Visual-Linguistic Comprehension Capabilities, CoNLL 2023",
    example={"filtered_test_data.json": FORMATS["hnc_test"].example},
)
