"""The masking audit as a measurement: how many pairs are wrong on the complete scene, by what their negatives rest on.

30, 50 or 70 % of each part of complete made-up scenes is deleted, the generator sees the rest, and the checker judges
each pair on the whole. A pair counts as wrong unless its caption is TRUE and its negative FALSE there.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from scipy.stats import binomtest

from hairsplit.captions._label_error import basis
from hairsplit.captions.form import from_json
from hairsplit.core.types import Pair
from tests.captions.checker.worlds import PEOPLE, Raw, masked, watched, worlds
from tests.captions.judged import Found, findings, findings_on_the_whole, pairs_of

SHARES = (0.3, 0.5, 0.7)
"""Of each scene that the generator does not see; one third of the scenes each."""
COMPLETE = ("ball", "cup", "book", "table", "dog", "car")
"""Nouns that a run declares complete, none of whose things are deleted."""
LABEL = {"truth", "unknown", "referent"}
"""Findings that make a label wrong."""


class Wrong(NamedTuple):
    """Pairs by what their negatives rest on, and those of them that are wrong."""

    pairs: Counter[str]
    wrong: Counter[str]

    def add(self, pairs: Iterable[Pair], found: Iterable[Found]) -> None:
        """Count pairs and what was found wrong with them."""
        faulty = {str(pair.pair_id) for pair, finding in found if finding.rule in LABEL}
        for pair in pairs:
            rests_on = basis(str(pair.evidence), from_json(str(pair.negative_form)))
            self.pairs[rests_on] += 1
            self.wrong[rests_on] += pair.pair_id in faulty


def audit(scenes: int, seed: int, folder: Path) -> Wrong:
    """Wrong pairs of so many complete scenes: masked (weak mode, and with complete nouns), and whole (closed world)."""
    wrong = Wrong(Counter(), Counter())
    # those of three times as many with the most people: of others few pairs speak of who wears or holds what
    drawn = sorted(worlds(3 * scenes, seed).items(), key=lambda item: -_people(item[1]))[:scenes]
    whole = {key: watched(raw, number) for number, (key, raw) in enumerate(drawn)}
    options: tuple[dict[str, Any], ...] = ({"weak_absence": True}, {"complete_nouns": COMPLETE})
    for number, share in enumerate(SHARES):
        part = dict([*whole.items()][number :: len(SHARES)])
        for wanted in options:
            kept = wanted.get("complete_nouns", ())
            seen = {key: masked(raw, share, seed + n, keep=kept) for n, (key, raw) in enumerate(part.items())}
            pairs = pairs_of(seen, folder, "open", max_pairs_per_image=200, **wanted)
            wrong.add(pairs, findings_on_the_whole(pairs, seen, part))
    closed: dict[str, Raw] = dict([*whole.items()][:: len(SHARES)])
    pairs = pairs_of(closed, folder, "closed")
    wrong.add(pairs, findings(pairs, closed, "closed"))
    return wrong


def _people(raw: Raw) -> int:
    return sum(thing["name"] in PEOPLE for thing in raw["objects"].values())


def interval(wrong: int, pairs: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a rate (Clopper and Pearson, Biometrika 26, 1934)."""
    found = binomtest(wrong, pairs).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)
