"""Benchmarks of the field: one file each; annotation files in, items and published aggregates out."""

from hairsplit.core.catalog import Catalog
from hairsplit.evaluate.benchmarks._aggregates import Number
from hairsplit.evaluate.benchmarks._benchmark import (
    Aggregate,
    Benchmark,
    Collection,
    DataFile,
    Picture,
    Question,
    Questions,
)
from hairsplit.evaluate.benchmarks._blind import blind_estimates
from hairsplit.evaluate.benchmarks._files import files_of
from hairsplit.evaluate.benchmarks._run import Judgement, Prepared, data_record, judge_benchmark, prepare

__all__ = [
    "BENCHMARKS",
    "Aggregate",
    "Benchmark",
    "Collection",
    "DataFile",
    "Judgement",
    "Number",
    "Picture",
    "Prepared",
    "Question",
    "Questions",
    "blind_estimates",
    "data_record",
    "files_of",
    "judge_benchmark",
    "prepare",
]

BENCHMARKS = Catalog("hairsplit.evaluate.benchmarks", Benchmark)
"""All benchmarks by file name."""
