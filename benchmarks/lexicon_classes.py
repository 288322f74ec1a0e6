"""Test the exclusive attribute classes of the lexicon against a corpus of scene graphs.

    python benchmarks/lexicon_classes.py scene_graphs.json.gz [--all]

Members of a class must hardly ever be annotated on one object: fewer than 1 % of what chance would give, that is of
n(a) * n(b) / n, counted over the objects that have an attribute at all (after CAPTIONS 4). Pairs above that are
flagged, unless the lexicon takes them for compatible already (never swapped) or for loose (not in the open world).
Printed are words and counts, and how many nouns, attributes and predicates of the corpus the lexicon knows.
"""

import argparse
from collections import Counter
from itertools import combinations
from pathlib import Path

from hairsplit.core.types import Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.readers.gqa import read_scenes

LIMIT = 0.01
"""Share of the product rate from which a pair is flagged."""


class Census:
    """What is on one object, and which words there are."""

    def __init__(self, graphs: Path) -> None:
        self.objects = 0
        self.alone: Counter[str] = Counter()
        self.together: Counter[tuple[str, str]] = Counter()
        self.nouns: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.predicates: Counter[str] = Counter()
        for scene in read_scenes(graphs):
            if isinstance(scene, Reject):
                continue
            for thing in scene.things:
                self.nouns[lexicon.normal(thing.name)] += 1
                self.attributes.update(map(lexicon.normal, thing.attributes))
                self.predicates.update(relation.predicate for relation in thing.relations)
                names = sorted({lexicon.attribute(a) for a in thing.attributes})
                self.objects += bool(names)
                self.alone.update(names)
                self.together.update(combinations([a for a in names if lexicon.attribute_class(a)], 2))

    def pairs(self) -> list[tuple[float, str, str, str]]:
        """(together / chance, class, a, b) for all pairs of members of a class that both occur, worst first."""
        found = []
        for kind in lexicon.classes():
            for a, b in combinations(lexicon.members(kind), 2):
                chance = self.alone[a] * self.alone[b] / max(self.objects, 1)
                if chance:
                    found.append((self.together[a, b] / chance, kind, a, b))
        return sorted(found, reverse=True)

    def coverage(self, words: Counter[str], known: set[str]) -> str:
        """How many words, and uses of words, are known."""
        uses = sum(words[word] for word in known)
        return f"{len(known):,} of {len(words):,} words, {uses / max(words.total(), 1):.1%} of {words.total():,} uses"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", type=Path)
    parser.add_argument("--all", action="store_true", help="list pairs that never meet, too")
    options = parser.parse_args()
    census = Census(options.graphs)
    version = f"lexicon version {lexicon.LEXICON_VERSION} ({lexicon.fingerprint()[:12]})"
    print(f"{version}; {census.objects:,} objects with attributes")
    for name, words, known in (
        ("nouns that a caption may say", census.nouns, {n for n in census.nouns if lexicon.nameable(n)}),
        ("attributes of a class", census.attributes, {a for a in census.attributes if _classed(a)}),
        ("predicates", census.predicates, {p for p in census.predicates if lexicon.knows_predicate(p)}),
    ):
        print(f"{name}: {census.coverage(words, known)}")
    pairs = census.pairs()
    met = [pair for pair in pairs if pair[0] > 0]
    print(f"{len(pairs)} pairs of a class occur, {len(met)} of them on one object")
    print(f"{'class':12} {'a':12} {'b':12} {'n(a)':>6} {'n(b)':>6} {'both':>5} {'chance':>8} {'ratio':>7}")
    for ratio, kind, a, b in pairs if options.all else met:
        chance = census.alone[a] * census.alone[b] / census.objects
        said = "" if ratio <= LIMIT else _kept_apart(a, b)
        counts = f"{census.alone[a]:6} {census.alone[b]:6} {census.together[a, b]:5}"
        print(f"{kind:12} {a:12} {b:12} {counts} {chance:8.2f} {ratio:7.1%} {said}")


def _kept_apart(a: str, b: str) -> str:
    return "loose" if lexicon.loose(a, b) else "flagged" if lexicon.excludes(a, b) else "compatible"


def _classed(text: str) -> bool:
    return lexicon.attribute_class(lexicon.attribute(text)) is not None


if __name__ == "__main__":
    main()
