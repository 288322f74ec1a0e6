"""How often labels are wrong, by what the negative rests on: the masking audit, as `captions/_label_error.py` has it.

Run: python -m benchmarks.label_error [--scenes 3600] [--seed 0]

Complete made-up scenes (tests/captions/checker/worlds.py), of which the generator sees 70, 50 or 30 %; the independent
checker judges each pair on the whole. Prints the table of constants, each with the exact 95 % interval of its rate
(Clopper and Pearson).

Those of `functional` come from scenes of people in clothes, as many again. The lines at the end say how often a reader
of the picture, who knows of no annotation, finds another thing so called of which the negative is true.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.captions.label_audit import Wrong, audit, audit_worn, interval, twins

BATCH = 900
"""Scenes at a time; the generator evens swaps out over the scenes that it is given."""


def main() -> None:
    """Audit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=3_600)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    total, start = Wrong(Counter(), Counter()), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(0, options.scenes, BATCH):
            some = audit(min(BATCH, options.scenes - number), options.seed + number, Path(folder))
            total.pairs.update(some.pairs)
            total.wrong.update(some.wrong)
        worn = audit_worn(options.scenes, options.seed, Path(folder))
        total.pairs.update(worn.label.pairs)
        total.wrong.update(worn.label.wrong)
        mistaken = list(twins(BATCH, options.seed, Path(folder)))
    for name, pairs in sorted(total.pairs.items()):
        wrong = total.wrong[name]
        low, high = interval(wrong, pairs)
        print(f'    "{name}": ({wrong}, {pairs:_}),  # {100 * low:.3f} to {100 * high:.3f} %')
    count = worn.label.pairs.total()
    low, high = interval(worn.seen, count)
    print(
        f"worn things: {worn.seen:,} of {count:,} may be taken for another one, {100 * low:.2f} to {100 * high:.2f} %"
    )
    print("true of another thing so called, which the graph lacks:")
    for share, seen, count in mistaken:
        low, high = (100 * bound for bound in interval(seen, count))
        print(f"    {share:.0%} hidden: {seen:,} of {count:,} negatives of one statement, {low:.1f} to {high:.1f} %")
    print(f"{total.pairs.total():,} pairs; {time.process_time() - start:.0f} s of CPU time")


if __name__ == "__main__":
    main()
