"""The independent checker over many pairs: how many the generator makes per family, and what is wrong with them.

Run: python -m benchmarks.check_captions [--scenes 10000] [--world closed] [--masked 0.5]
     python -m benchmarks.check_captions --graphs scene_graphs.json.gz --world open

Scenes are made up and complete (tests/captions/checker/worlds.py), or those of a file in GQA layout. With `--masked`,
the generator sees only a part of each, in the open world, and is judged on the whole.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from hairsplit.core.types import World
from tests.captions.checker.balance import edit_counts, marker_counts, marker_faults, repetitions, swap_faults
from tests.captions.checker.pairs import Row
from tests.captions.checker.worlds import Raw, masked, world
from tests.captions.judged import Found, findings, findings_on_the_whole, pairs_of, read_raw, row_of, summary

BATCH = 1000
"""Scenes at a time; the generator evens swaps out over the scenes that it is given."""


def arguments() -> argparse.Namespace:
    """What to check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--scenes", type=int, default=10_000, help="made-up scenes; with --graphs, the most of the file"
    )
    parser.add_argument("--graphs", type=Path, help="a file in GQA layout instead of made-up scenes")
    parser.add_argument("--world", choices=("open", "closed"), default="closed")
    parser.add_argument("--masked", type=float, default=0.0, help="share of each scene that the generator does not see")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


@dataclass
class Tally:
    """What is kept of the pairs that were checked."""

    kinds: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    evidence: Counter[str | None] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    rows: list[tuple[str, Row]] = field(default_factory=list)
    making: float = 0.0
    checking: float = 0.0
    """CPU seconds."""

    def add(self, graphs: dict[str, Raw], options: argparse.Namespace) -> None:
        """Generate from these graphs and check the pairs."""
        start = time.process_time()
        seen = graphs
        if options.masked:
            seen = {key: masked(raw, options.masked, seed) for seed, (key, raw) in enumerate(graphs.items())}
        which: World = "open" if options.masked else options.world
        with tempfile.TemporaryDirectory() as folder:
            pairs = pairs_of(seen, Path(folder), which, seed=options.seed)
        made = time.process_time()
        found = findings_on_the_whole(pairs, seen, graphs) if options.masked else findings(pairs, graphs, which)
        self.making += made - start
        self.checking += time.process_time() - made
        self.found += found
        self.wrong += Counter({(p.kind, p.image_id, p.caption, p.negative): p.kind for p, _ in found}.values())
        self.kinds += Counter(p.kind for p in pairs)
        self.evidence += Counter(p.evidence for p in pairs)
        images: dict[str, list[tuple[str, str, str | None]]] = {}
        for p in pairs:
            images.setdefault(p.image_id, []).append((p.caption, str(p.negative), p.group_id))
        self.repeated += [fault for texts in images.values() for fault in repetitions(texts)]
        self.rows += [(p.kind, replace(row_of(p), caption_form="", negative_form="")) for p in pairs]

    def show(self) -> None:
        """Counts per family, findings with an example each, and how evenly markers and swaps fall."""
        for kind, n in sorted(self.kinds.items()):
            print(f"{kind:20} {n:8} pairs {self.wrong[kind]:6} with findings")
        print(f"{'all':20} {self.kinds.total():8} pairs {self.wrong.total():6} with findings")
        print("evidence:", dict(self.evidence.most_common()))
        print(summary(self.found) or "no findings")
        for title, faults, n in (
            ("texts that repeat in an image", self.repeated, self.kinds.total()),
            ("markers that tell the side", marker_faults(self.rows), len(marker_counts(self.rows))),
            ("swaps that go one way", swap_faults(self.rows), len(edit_counts(self.rows))),
        ):
            print(f"{title}: {len(faults)} of {n}", *faults[:10], sep="\n  ")


def main() -> None:
    """Generate, check, print; exit 1 if something is wrong."""
    options, tally = arguments(), Tally()
    if options.graphs:
        graphs = list(read_raw(options.graphs).items())[: options.scenes]
    for first in range(0, len(graphs) if options.graphs else options.scenes, BATCH):
        if options.graphs:
            tally.add(dict(graphs[first : first + BATCH]), options)
        else:
            keys = [f"w{number:05d}" for number in range(first, min(first + BATCH, options.scenes))]
            tally.add({key: world(options.seed, key) for key in keys}, options)
    print(f"generated in {tally.making:.0f} s, checked in {tally.checking:.0f} s of CPU time")
    tally.show()
    sys.exit(bool(tally.found))


if __name__ == "__main__":
    main()
