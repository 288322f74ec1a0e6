"""What readers blind to the image get out of weak negatives, which rest on what nobody annotated.

Run: python -m benchmarks.weak_balance [--sets drawn made-up] [--scenes 12000] [--families NAME ...] [--seed 0]
                                       [--graphs FILE]

Two sets of complete scenes, of which 30, 50 or 70 % of all objects, attributes and edges are deleted (evenly), or a
share between 10 and 90 % that each noun, each attribute of a noun and each predicate has of its own (unevenly: some
things annotators name, others not). Both sets are captioned in the open world, with and without --weak-absence, and
balanced apart; the attacks of benchmarks/balance.py learn on one and read the other. Weak rows are attacked alone as
well, by what is absent: an attribute, a relation or a thing.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.balance import MOST_PER_IMAGE, line
from hairsplit.captions._weak import WEAK_FAMILIES, WHAT
from hairsplit.captions.balance import balance
from hairsplit.captions.form import from_json
from hairsplit.core.run import stream
from hairsplit.core.tables import WEAK_ABSENCE
from hairsplit.core.types import Pair
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.checker.worlds import Raw, changed, masked, watched, worlds
from tests.captions.judged import pairs_of, read_raw
from tests.captions.label_audit import SHARES

UNEVEN = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares that are deleted of what is called alike."""
Graphs = Mapping[str, Raw]
Sets = Sequence[Graphs]
"""Two sets of graphs that know nothing of each other."""
Tables = tuple[list[list[Pair]], list[list[Pair]]]
"""The pairs of both sets as made, and as balanced."""


def main() -> None:
    """Print a table per set of scenes and way to delete."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="*", choices=("drawn", "made-up"), default=["drawn", "made-up"])
    parser.add_argument("--scenes", type=int, default=12_000, help="of each of the two sets")
    parser.add_argument("--graphs", type=Path, help="graphs in GQA layout, as they are, cut in two by image")
    parser.add_argument("--families", nargs="+", choices=sorted(WEAK_FAMILIES), default=sorted(WEAK_FAMILIES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in options.sets:
            build = drawn if kind == "drawn" else made_up
            whole = [build(options.scenes, options.seed + part, folder) for part in (0, 1)]
            for how, hide in (("evenly", evenly), ("unevenly", unevenly)):
                sets = [hide(graphs, options.seed + part) for part, graphs in enumerate(whole)]
                report(f"{kind} scenes, deleted {how}", sets, options.families, folder, options.seed)
        if options.graphs is not None:
            report(
                options.graphs.name,
                halves(read_raw(options.graphs), options.seed),
                options.families,
                folder,
                options.seed,
            )


def drawn(count: int, seed: int, folder: Path) -> Graphs:
    """Scenes of coloured shapes."""
    write_scenes(folder / "drawn.json", [scene(DrawnWorld(), seed, f"{seed}-{n:06d}") for n in range(count)])
    return read_raw(folder / "drawn.json")


def made_up(count: int, seed: int, _folder: Path) -> Graphs:
    """Scenes of people, animals, furniture and other things, as in benchmarks/label_error.py."""
    return {f"{seed}-{key}": watched(raw, n) for n, (key, raw) in enumerate(worlds(count, seed).items())}


def evenly(graphs: Graphs, seed: int) -> Graphs:
    """A third of the scenes each without 30, 50 and 70 % of what is in them."""
    return {
        key: masked(raw, SHARES[n % len(SHARES)], seed * len(graphs) + n) for n, (key, raw) in enumerate(graphs.items())
    }


def unevenly(graphs: Graphs, seed: int) -> Graphs:
    """Scenes without what annotators leave out; in all sets the same nouns, attributes of them and predicates."""
    shares: dict[tuple[str, ...], float] = {}

    def share(*words: str) -> float:
        if words not in shares:
            shares[words] = stream(0, *words, "left out").choice(UNEVEN)
        return shares[words]

    found = {}
    for key, raw in graphs.items():
        rng = stream(seed, key, "left out")
        kept = {name: o for name, o in raw["objects"].items() if rng.random() >= share(o["name"])}
        objects = {
            name: {
                **o,
                "attributes": [a for a in o["attributes"] if rng.random() >= share(o["name"], a)],
                "relations": [
                    r for r in o["relations"] if r["object"] in kept and rng.random() >= share("edge", r["name"])
                ],
            }
            for name, o in kept.items()
        }
        found[key] = changed(raw, objects)
    return found


def halves(graphs: Graphs, seed: int) -> Sets:
    """Graphs in two sets, by image."""
    keys = sorted(graphs)
    stream(seed, "halves").shuffle(keys)
    return [{key: graphs[key] for key in keys[part::2]} for part in (0, 1)]


def report(title: str, sets: Sets, families: Sequence[str], folder: Path, seed: int) -> None:
    """Caption, balance, attack."""
    print(f"\n{title}, 2 x {len(sets[0]):,} scenes, open world")
    print(f"{'family':<20}{'n before':>10}{'n after':>10}  {'before':<34}{'after':<34}{'upper bound':>12}")
    proved, weak = (
        captioned(sets, families, folder, seed, weak=False),
        captioned(sets, families, folder, seed, weak=True),
    )
    for family in families:
        for name, tables in ((family, proved), (f"{family}, with weak", weak)):
            line(name, *both(tables, family), seed)
        for what in absent(weak[0], family):
            line(f"  weak: {what}", *both(weak, family, what), seed)


def captioned(sets: Sets, families: Sequence[str], folder: Path, seed: int, *, weak: bool) -> Tables:
    """The pairs of both sets as made, and as balanced."""
    options = {"families": families, "weak_absence": weak, "max_pairs_per_image": MOST_PER_IMAGE, "seed": seed}
    made = [pairs_of(graphs, folder, "open", **options) for graphs in sets]
    return made, [balance(pairs, seed=seed).pairs for pairs in made]


def absent(table: Sequence[list[Pair]], family: str) -> list[str]:
    """What weak negatives of a family rest on the absence of."""
    return sorted({str(of_what(pair)) for pairs in table for pair in pairs if pair.kind == family} - {"None"})


def both(tables: Tables, family: str, what: str | None = None) -> Tables:
    """Pairs of one family as made and as balanced; of an absent attribute, relation or thing those only."""
    made, balanced = (
        [[pair for pair in pairs if pair.kind == family and what in {None, of_what(pair)}] for pairs in table]
        for table in tables
    )
    return made, balanced


def of_what(pair: Pair) -> str | None:
    """What the negative rests on the absence of: attribute | relation | thing; None of proved ones."""
    return WHAT[type(from_json(str(pair.negative_form)))] if pair.evidence == WEAK_ABSENCE else None


if __name__ == "__main__":
    main()
