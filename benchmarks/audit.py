"""How long an audit takes on a million pairs of 8,334 images: the counting, and the text-only attacks on a sample.

Run: python benchmarks/audit.py [PAIRS]
"""

import platform
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from hairsplit.core.tables import PairsMeta, write_pairs
from hairsplit.core.types import Pair
from hairsplit.evaluate.audit_attacks import attack
from hairsplit.evaluate.audit_columns import read_columns
from hairsplit.evaluate.audit_counts import count_problems, count_shape, measure_kinds, one_sided_words
from hairsplit.evaluate.audit_text import text_facts

NOUNS = ("man", "woman", "dog", "cat", "plate", "cup", "table", "chair", "tree", "car", "bus", "sign", "shirt", "hat")
COLOURS = ("red", "blue", "green", "black", "white", "tall", "small", "wooden")
PREDICATES = ("to the left of", "to the right of", "on", "under", "near", "behind")
PAIRS_PER_IMAGE = 120
SAMPLE = 100_000


def rows(count: int) -> Iterator[Pair]:
    """Pairs in the manner of HNC: one attribute, predicate or noun replaced."""
    rng = random.Random(0)  # noqa: S311 - not for secrets
    for i in range(count):
        subject, thing = rng.sample(NOUNS, 2)
        old, new = rng.sample(COLOURS, 2)
        predicate = rng.choice(PREDICATES)
        caption = f"The {old} {subject} is {predicate} the {thing} number {i // 20}."
        edits = ((old, new), (predicate, rng.choice(PREDICATES)), (thing, rng.choice(NOUNS)))
        image = str(i // PAIRS_PER_IMAGE)
        kind = ("attribute", "predicate", "object")[i % 3]
        negative = caption.replace(*edits[i % 3], 1)
        yield Pair(
            image=f"{image}.jpg", image_id=image, caption=caption, negative=negative, kind=kind, source="synthetic"
        )


def main() -> None:
    """Time each part once and print it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.parquet"
        write_pairs(path, rows(count), PairsMeta())
        start = time.process_time()
        table = read_columns(path)
        read = time.process_time()
        facts = text_facts(table)
        walked = time.process_time()
        count_shape(table, facts), count_problems(table, facts), measure_kinds(table, facts)
        one_sided_words(table, facts)
        counted = time.process_time()
        attack(table, facts, most_pairs=SAMPLE)
        attacked = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{count:,} pairs, {platform.machine()}, Python {platform.python_version()}, one process, CPU seconds")
    print(f"read the columns            {read - start:7.1f} s")
    print(f"walk over the texts         {walked - read:7.1f} s")
    print(f"count                       {counted - walked:7.1f} s")
    print(f"all counting, per million   {(counted - start) * 1e6 / count:7.1f} s")
    print(f"four attacks on {min(SAMPLE, count):,}    {attacked - counted:7.1f} s")
    print(f"peak memory                 {peak:7.1f} GB")


if __name__ == "__main__":
    main()
