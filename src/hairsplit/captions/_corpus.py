"""How often nouns, attributes, counts and orders occur, so that a swap is as frequent one way as the other.

If red circles become blue in negatives more often than blue ones become red, "blue circle" is a sign of a negative.
A swap from a to b is therefore proposed and accepted such that, summed over the corpus, a -> b equals b -> a.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from hairsplit.core.run import text_hash
from hairsplit.core.types import Scene, Thing
from hairsplit.scenes import lexicon

ENOUGH = 20
"""Observations below which a table says too little, and a coarser one is asked."""
ONE_SIDED = frozenset({"above", "below", "in front of", "behind", "inside"})
"""Predicates whose two orders may differ in frequency; left and right are even by mirror symmetry."""


@dataclass(frozen=True)
class Corpus:
    """Counts over all scenes that captions are made for."""

    attributes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, attribute of a class) -> things that have exactly one attribute of the class."""
    shares: Counter[str] = field(default_factory=Counter)
    """Attribute -> things."""
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, class) -> things."""
    nouns: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, Counter[int]] = field(default_factory=dict)
    """Noun -> n -> images with n such things."""
    all_numbers: Counter[int] = field(default_factory=Counter)
    """n -> (image, noun) with n such things."""
    orders: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(noun, one-sided predicate, noun) -> annotated edges."""
    starts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, one-sided predicate) -> edges that leave the noun."""
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, one-sided predicate) -> edges that reach it."""

    def fingerprint(self) -> str:
        """Hash of all counts."""
        return text_hash(
            repr(
                [
                    [
                        (key, dict(sorted(value.items())) if isinstance(value, Counter) else value)
                        for key, value in sorted(table.items())
                    ]
                    for table in self.__dict__.values()
                ]
            )
        )

    def common(self, noun: str, name: str) -> float:
        """How common an attribute is for a noun; where the noun is rare, for things in general; else 1."""
        kind = lexicon.attribute_class(name)
        if kind is None:
            return 0.0
        if self.totals[noun, kind] >= ENOUGH:
            return self.attributes[noun, name]
        members = lexicon.members(kind)
        if sum(self.shares[other] for other in members) >= ENOUGH:
            return self.shares[name]
        return 1.0

    def swap(self, weights: Sequence[tuple[str, float]], old: float, rng: Random) -> str | None:
        """Propose one of `weights` for something of weight `old`, as often as the other way round; None to leave it.

        Proposed with probability w / (T - old), T being the sum of all and `old`, and accepted with probability
        min(1, (T - old) / (T - w)): the flow old * w / T * min(1 / (T - old), 1 / (T - w)) is symmetric.
        """
        rest = sum(w for _, w in weights)
        if rest <= 0 or old <= 0:
            return None
        name, weight = rng.choices(weights, [w for _, w in weights])[0]
        return name if rng.random() < min(1.0, rest / (rest + old - weight)) else None

    def attribute_swaps(self, noun: str, name: str, rng: Random, wanted: int) -> tuple[str, ...]:
        """Up to `wanted` attributes of the same class to replace one of a noun."""
        kind = lexicon.attribute_class(name)
        others = [(a, self.common(noun, a)) for a in lexicon.members(kind) if a != name] if kind else []
        return self._draws(others, self.common(noun, name), rng, wanted)

    def noun_swaps(self, noun: str, name: str, rng: Random, wanted: int) -> tuple[str, ...]:
        """Up to `wanted` rival nouns, seen with the attribute, to replace a noun that has it."""
        few = self.nouns.total() < ENOUGH
        others = [(n, self.common(n, name)) for n in lexicon.rivals(noun) if few or self.nouns[n]]
        return self._draws(others, self.common(noun, name), rng, wanted)

    def _draws(self, others: list[tuple[str, float]], old: float, rng: Random, wanted: int) -> tuple[str, ...]:
        found: list[str] = []
        for _ in range(wanted):
            chosen = self.swap([(n, w) for n, w in others if n not in found], old, rng)
            if chosen is not None:
                found.append(chosen)
        return tuple(found)

    def even(self, before: float, after: float, rng: Random) -> bool:
        """Whether to make a swap whose source occurs `before` times and whose result `after` times elsewhere."""
        return before <= 0 or rng.random() < min(1.0, after / before)

    def exchange(self, first: tuple[str, str], second: tuple[str, str], rng: Random) -> bool:
        """Whether two things, each (noun, attribute), may exchange their attributes in a negative."""
        (n, a), (m, b) = first, second
        return self.even(self.common(n, a) * self.common(m, b), self.common(n, b) * self.common(m, a), rng)

    def turn(self, s: str, predicate: str, o: str, rng: Random) -> bool:
        """Whether (s, predicate, o) may be turned round, or its predicate inverted, in a negative."""
        if predicate not in ONE_SIDED or s == o:
            return True
        forth, back = self.orders[s, predicate, o], self.orders[o, predicate, s]
        if forth + back < ENOUGH:
            seen = [t[n, predicate] for t in (self.starts, self.ends) for n in (s, o)]
            if min(seen[0] + seen[2], seen[1] + seen[3]) < ENOUGH:
                return True
            forth, back = seen[0] * seen[3], seen[1] * seen[2]
        return self.even(forth, back, rng)

    def count_swap(self, noun: str, n: int, m: int, rng: Random) -> bool:
        """Whether n things may be said to be m in a negative."""
        own = self.numbers.get(noun, Counter())
        table = own if own.total() >= ENOUGH else self.all_numbers
        return self.even(table[n], table[m], rng) if table.total() >= ENOUGH else 1 <= m <= 4


def corpus_of(scenes: Iterable[Scene]) -> Corpus:
    """Count over scenes."""
    corpus = Corpus()
    for scene in scenes:
        names = {thing.id: lexicon.normal(thing.name) for thing in scene.things}
        for noun, n in Counter(names.values()).items():
            corpus.nouns[noun] += n
            corpus.numbers.setdefault(noun, Counter())[n] += 1
            corpus.all_numbers[n] += 1
        for thing in scene.things:
            _count_thing(corpus, thing, names)
    return corpus


def _count_thing(corpus: Corpus, thing: Thing, names: Mapping[str, str]) -> None:
    noun = names[thing.id]
    found: dict[str, set[str]] = {}
    for name in map(lexicon.attribute, thing.attributes):
        kind = lexicon.attribute_class(name)
        if kind is not None:
            found.setdefault(kind, set()).add(name)
    for kind, members in found.items():
        if len(members) == 1:
            (name,) = members
            corpus.attributes[noun, name] += 1
            corpus.shares[name] += 1
            corpus.totals[noun, kind] += 1
    for relation in thing.relations:
        predicate, target = lexicon.predicate(relation.predicate), names.get(relation.target)
        if predicate in ONE_SIDED and target is not None:
            corpus.orders[noun, predicate, target] += 1
            corpus.starts[noun, predicate] += 1
            corpus.ends[target, predicate] += 1
