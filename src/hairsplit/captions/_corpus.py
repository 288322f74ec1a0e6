"""How often nouns, attributes, counts and orders occur, so that a swap is as frequent one way as the other.

If red circles become blue in negatives more often than blue ones become red, "blue circle" is a sign of a negative.
A swap from a to b is therefore proposed and accepted such that, summed over the corpus, a -> b equals b -> a.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import accumulate
from math import inf
from random import Random
from typing import Any

import msgspec

from hairsplit.captions._shuffled import drawn
from hairsplit.core.kept import kept
from hairsplit.core.run import text_hash
from hairsplit.scenes import lexicon
from hairsplit.scenes.plausible import usable

ENOUGH = 20
"""Observations below which a table says too little, and a coarser one is asked."""
TYPICAL = 0.3
"""Share of a noun's things of known colour from which a colour goes without saying."""
EVEN = frozenset({"to the left of", "to the right of"})
"""Predicates whose two orders are as frequent as each other, by mirror symmetry; they need no counts."""
Statement = tuple[str, str, str]
"""(noun, predicate, noun)"""
Weights = Mapping[str, float]
"""Word -> how often to propose it, next to the others."""


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What may replace a word, ready to be drawn from."""

    weights: Weights
    words: Sequence[str]
    limits: Sequence[float]
    """Cumulated weights."""
    total: float
    """Of the weights."""


def offer(weights: Weights) -> Offer:
    """Weights, ready to be drawn from."""
    limits = [*accumulate(weights.values())]
    return Offer(weights, [*weights], limits, limits[-1] if limits else 0.0)


@dataclass(frozen=True)
class Corpus:
    """Counts over all scenes that captions are made for; complete before it is asked, since answers are kept."""

    attributes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, attribute of a class) -> things that have exactly one attribute of the class."""
    shares: Counter[str] = field(default_factory=Counter)
    """Attribute -> such things of which a caption may say it: no plurals, no remarks on people."""
    classes: Counter[str] = field(default_factory=Counter)
    """Class -> those things."""
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, class) -> things."""
    nouns: Counter[str] = field(default_factory=Counter)
    alone: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(noun, attribute, rival) -> images with such a noun, but no such rival."""
    numbers: dict[str, Counter[int]] = field(default_factory=dict)
    """Noun -> n -> images with n such things."""
    all_numbers: Counter[int] = field(default_factory=Counter)
    """n -> (image, noun) with n such things."""
    orders: Counter[Statement] = field(default_factory=Counter)
    """(noun, predicate, noun) -> annotated edges, of predicates that are said and not `EVEN`."""
    starts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, predicate) -> such edges that leave the noun."""
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(noun, predicate) -> such edges that reach it."""
    predicates: Counter[str] = field(default_factory=Counter)
    """Predicate -> such edges."""
    slots: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(subject or object, predicate, attribute of a class) -> annotated edges with such a thing there; left is counted
    with right."""

    def fingerprint(self) -> str:
        """Hash of all counts."""
        return text_hash(
            repr(
                [
                    [
                        (key, dict(sorted(value.items())) if isinstance(value, Counter) else value)
                        for key, value in sorted(table.items())
                    ]
                    for table in self.tables().values()
                ]
            )
        )

    def tables(self) -> dict[str, Any]:
        """Name -> counts."""
        return {table.name: getattr(self, table.name) for table in fields(self)}

    def common(self, noun: str, name: str) -> float:
        """How common an attribute is for a noun; where the noun is rare, for things in general; else 1."""
        kind = lexicon.attribute_class(name)
        if kind is None:
            return 0.0
        if self.totals[noun, kind] >= ENOUGH:
            return self.attributes[noun, name]
        if self.classes[kind] >= ENOUGH:
            return self.shares[name]
        return 1.0

    def attribute_swaps(
        self, noun: str, name: str, rng: Random, wanted: int, slot: tuple[str, str] | None = None
    ) -> tuple[str, ...]:
        """Up to `wanted` attributes of the same class to replace one of a noun.

        In a `slot`, (subject or object, predicate), they weigh by how often they stand there: large things have fewer
        things wholly left of them.
        """
        if slot is None:
            return self._draws(
                self._others(noun, name), self.common(noun, name), rng, wanted, partial(self._back, noun)
            )
        shares = self._stands(slot_of(*slot))

        def others(name: str) -> Weights:
            return {a: weight * shares[a] for a, weight in self._others(noun, name).weights.items()}

        return self._draws(offer(others(name)), self.common(noun, name) * shares.get(name, 1.0), rng, wanted, others)

    def predicate_swaps(self, noun: str, predicate: str, rng: Random, wanted: int) -> tuple[str, ...]:
        """Up to `wanted` contraries, of which the graphs say as much of the noun, to replace a predicate.

        None is a direction: "on" would become "below", while "below" becomes "above" and never "on".
        """

        def common(name: str) -> int:
            return self.starts[noun, name] if self.nouns[noun] >= ENOUGH else self.predicates[name]

        def contraries(name: str) -> Weights:
            way = lexicon.said_as(name)
            others = [q for q in lexicon.contraries(name) if lexicon.said_as(q) == way]
            return {q: common(q) for q in others if way == "doing" or lexicon.inverse(q) is None}

        return self._draws(offer(contraries(predicate)), common(predicate), rng, wanted, contraries)

    def noun_swaps(self, noun: str, name: str, rng: Random, wanted: int) -> tuple[str, ...]:
        """Up to `wanted` rival nouns to replace one that is in the image with the attribute, while they are not."""
        rivals = partial(self._rivals, name)
        return self._draws(offer(rivals(noun)), 1.0, rng, wanted, rivals)

    def _others(self, noun: str, name: str) -> Offer:
        """What may replace an attribute of a noun, by how common that is."""
        known = self._kept_others.get((noun, name))
        if known is None:
            weights = {a: self.common(noun, a) for a in lexicon.alternatives(name) if usable(noun, a)}
            known = self._kept_others[noun, name] = offer(weights)
        return known

    def _back(self, noun: str, name: str) -> Weights:
        return self._others(noun, name).weights

    def _stands(self, slot: tuple[str, str]) -> Weights:
        """Attribute of a class -> how often such things stand in a slot of edges, per thing; 1 if little is known."""
        shares = self._kept_shares.get(slot)
        if shares is None:
            role, predicate = slot
            shares = self._kept_shares[slot] = {}
            for kind in lexicon.classes():
                seen = {name: self.slots[role, predicate, name] for name in lexicon.members(kind)}
                enough = sum(seen.values()) >= ENOUGH
                shares |= {name: n / max(self.shares[name], 1) if enough else 1.0 for name, n in seen.items()}
        return shares

    @kept
    def _kept_others(self) -> dict[tuple[str, str], Offer]:
        """(noun, attribute) -> what may replace it."""
        return {}

    @kept
    def _kept_shares(self) -> dict[tuple[str, str], dict[str, float]]:
        """(subject or object, predicate) -> how often things with an attribute stand there, per thing."""
        return {}

    @kept
    def _is_small(self) -> bool:
        return self.nouns.total() < ENOUGH

    def _rivals(self, name: str, noun: str) -> Weights:
        """Weighed by how often they can be replaced by the noun, in turn; 0 if the swap can go one way only."""
        if self._is_small:
            return dict.fromkeys(lexicon.rivals(noun), 1.0)
        alone = self.alone
        return {n: alone[n, name, noun] if alone[noun, name, n] else 0 for n in lexicon.rivals(noun)}

    def _draws(
        self, others: Offer, old: float, rng: Random, wanted: int, back: Callable[[str], Weights]
    ) -> tuple[str, ...]:
        """Propose up to `wanted` of `others` for something of weight `old`, each as often as the other way round.

        One of weight w is proposed with probability w / R, R being the sum of all, and accepted with probability
        min(1, R / B), B being the sum of those that might replace it: the flow old * w * min(1 / R, 1 / B) is
        symmetric. The weight of a noun is how often it can be replaced by the other one, and `old` is how often it
        can replace it: their product is symmetric, too.
        """
        found: list[str] = []
        for _ in range(wanted if old > 0 else 0):
            left = offer(_without(found, others.weights)) if found else others
            if left.total <= 0:
                break
            name = drawn(left.words, left.limits, rng)
            returns = _without(found, back(name)) if found else back(name)
            if rng.random() * sum(returns.values()) < left.total:
                found.append(name)
        return tuple(found)

    def even(self, before: float, after: float, rng: Random) -> bool:
        """Whether to make a swap whose source occurs `before` times and whose result `after` times elsewhere."""
        return before <= 0 or rng.random() < min(1.0, after / before)

    def exchange(self, first: tuple[str, str], second: tuple[str, str], rng: Random) -> bool:
        """Whether two things, each (noun, attribute), may exchange their attributes in a negative."""
        (n, a), (m, b) = first, second
        return self.even(self.common(n, a) * self.common(m, b), self.common(n, b) * self.common(m, a), rng)

    def bestow(self, name: str, giver: str, taker: str, rng: Random) -> bool:
        """Whether the attribute of one noun may be said of another that has none of its class, in a negative.

        Compared is how often things of each noun have it, next to those that have none of the class. What is `TYPICAL`
        of either, as yellow of bananas, goes without saying: it is no sign of absence that nobody says it.
        """
        kind = str(lexicon.attribute_class(name))

        def rate(noun: str) -> float:
            seen, bare = self.attributes[noun, name], self.nouns[noun] - self.totals[noun, kind]
            if self.totals[noun, kind] < ENOUGH:
                if self.classes[kind] < ENOUGH:
                    return 1.0
                seen, bare = self.shares[name], self.nouns.total() - self.classes[kind]
            return seen / bare if bare > 0 else inf

        if self._share(giver, name) > TYPICAL or self._share(taker, name) > TYPICAL:
            return False
        return rate(giver) < inf and self.even(rate(giver), rate(taker), rng)

    def _share(self, noun: str, name: str) -> float:
        """Of a noun's things with an attribute of the class, how many have this one; one thing is added as all are."""
        kind = str(lexicon.attribute_class(name))
        general = self.shares[name] / max(self.classes[kind], 1)
        return (self.attributes[noun, name] + general) / (self.totals[noun, kind] + 1)

    def turn(self, s: str, predicate: str, o: str, rng: Random) -> bool:
        """Whether (s, predicate, o) may be turned round, or its predicate inverted, in a negative."""
        if predicate in EVEN or s == o:
            return True
        forth, back = self.orders.get((s, predicate, o), 0), self.orders.get((o, predicate, s), 0)
        if forth + back < ENOUGH:
            s_starts, s_ends = self.starts.get((s, predicate), 0), self.ends.get((s, predicate), 0)
            if s_starts + s_ends < ENOUGH:
                return True
            o_starts, o_ends = self.starts.get((o, predicate), 0), self.ends.get((o, predicate), 0)
            if o_starts + o_ends < ENOUGH:
                return True
            forth, back = s_starts * o_ends, o_starts * s_ends
        return self.even(forth, back, rng)

    def replace(self, before: Statement, after: Statement, rng: Random) -> bool:
        """Whether one statement may become another, of which one noun differs, in a negative.

        Compared are the shares of things of the replaced noun of which it is annotated; where that is rare, of which
        the predicate is annotated with anything.
        """
        if before[1] in EVEN:
            return True
        slot = 2 if before[2] != after[2] else 0
        seen = [self.orders.get(before, 0), self.orders.get(after, 0)]  # quicker than [] where most are missing
        if sum(seen) < ENOUGH:
            coarse = self.ends if slot else self.starts
            seen = [coarse.get((t[slot], t[1]), 0) for t in (before, after)]
        if sum(seen) < ENOUGH:  # of places boxes say more than edges do; of wearing, edges are all there is
            return seen[1] > 0 or lexicon.said_as(after[1]) == "place" or self._is_small
        shares = [n / max(self.nouns[t[slot]], 1) for n, t in zip(seen, (before, after), strict=True)]
        return self.even(shares[0], shares[1], rng)

    def more(self, a: str, b: str) -> float:
        """How likely there are more a than b in an image that shows both, were their numbers independent.

        1 where either is rare: as much one way as the other.
        """
        first, second = (self.numbers.get(noun, Counter()) for noun in (a, b))
        if min(first.total(), second.total()) < ENOUGH:
            return 1.0
        found = sum(k * m for n, k in first.items() for other, m in second.items() if n > other)
        return found / (first.total() * second.total())

    def count_swap(self, noun: str, n: int, m: int, rng: Random) -> bool:
        """Whether n things may be said to be m in a negative."""
        own = self.numbers.get(noun, Counter())
        table = own if own.total() >= ENOUGH else self.all_numbers
        return self.even(table[n], table[m], rng) if table.total() >= ENOUGH else 1 <= m <= 4


def _without(words: Sequence[str], weights: Weights) -> Weights:
    return {word: weight for word, weight in weights.items() if word not in words}


def slot_of(role: str, predicate: str) -> tuple[str, str]:
    """A slot of edges, one for those that are even by mirror symmetry."""
    return ("subject", "to the left of") if predicate in EVEN else (role, predicate)
