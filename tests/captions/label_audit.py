"""The masking audit as a measurement: how many pairs are wrong on the complete scene, by what their negatives rest on.

30, 50 or 70 % of each part of complete made-up scenes is deleted, the generator sees the rest, and the checker judges
each pair on the whole. A pair counts as wrong unless its caption is TRUE and its negative FALSE there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scipy.stats import binomtest

from hairsplit.captions._label_error import basis
from hairsplit.captions.form import Has, Phrase, Related, from_json
from hairsplit.core.types import Pair
from hairsplit.scenes import lexicon
from tests.captions.checker.worlds import PEOPLE, Raw, masked, wardrobes, watched, worlds
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


class Worn(NamedTuple):
    """What is found of negatives that say of a worn thing that another person wears it."""

    label: Wrong
    seen: int
    """Those of its `functional` pairs of which a reader finds somebody so called who wears a thing so called."""


def audit_worn(scenes: int, seed: int, folder: Path) -> Worn:
    """`functional` negatives of masked scenes of people in clothes, where most wear what others wear.

    For the checker "the red hat" is the annotated one. A reader of the picture knows of no annotation, and may find
    another one.
    """
    wrong, seen = Wrong(Counter(), Counter()), 0
    whole = wardrobes(scenes, seed)
    for number, share in enumerate(SHARES):
        partial = {
            key: masked(raw, share, seed + len(SHARES) * n + number) for n, (key, raw) in enumerate(whole.items())
        }
        made = pairs_of(partial, folder, "open", families=("attribute_relation", "relation"), max_pairs_per_image=200)
        pairs = [pair for pair in made if pair.evidence == "functional"]
        wrong.add(pairs, findings_on_the_whole(pairs, partial, whole))
        seen += sum(seems_true(whole[pair.image_id], str(pair.negative_form)) for pair in pairs)
    return Worn(wrong, seen)


class Twins(NamedTuple):
    """Negatives of one statement, and those that are true of another thing so called, which the graph lacks."""

    share: float
    """Of each scene that the generator does not see."""
    seen: int
    pairs: int


def twins(scenes: int, seed: int, folder: Path, shares: Sequence[float] = SHARES) -> Iterator[Twins]:
    """How often a reader of the picture may take another thing for the one that is spoken of, per share hidden.

    The scenes have the same noun often: of three to nine things, each has one of eight.
    """
    whole = {key: watched(raw, number) for number, (key, raw) in enumerate(worlds(scenes, seed).items())}
    for share in shares:
        partial = {key: masked(raw, share, seed + number) for number, (key, raw) in enumerate(whole.items())}
        made = [(pair.image_id, str(pair.negative_form)) for pair in pairs_of(partial, folder, "open")]
        simple = [(image_id, form) for image_id, form in made if isinstance(from_json(form), Has | Related)]
        yield Twins(share, sum(seems_true(whole[image_id], form) for image_id, form in simple), len(simple))


def seems_true(raw: Raw, form: str) -> bool:
    """Whether anything in a scene is called and is as the form says, which makes one statement."""
    said, things = from_json(form), raw["objects"]
    if isinstance(said, Has):
        return any(_is(thing, said.x) and said.attribute in _attributes(thing) for thing in things.values())
    assert isinstance(said, Related)
    return any(
        edge["name"] == said.p and _is(thing, said.s) and _is(things[edge["object"]], said.o)
        for thing in things.values()
        for edge in thing["relations"]
    )


def _is(thing: Raw, x: Phrase) -> bool:
    return bool(thing["name"] == x.noun) and _attributes(thing).issuperset(x.attributes)


def _attributes(thing: Raw) -> set[str]:
    return {lexicon.attribute(name) for name in thing["attributes"]}


def _people(raw: Raw) -> int:
    return sum(thing["name"] in PEOPLE for thing in raw["objects"].values())


def interval(wrong: int, pairs: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a rate (Clopper and Pearson, Biometrika 26, 1934)."""
    found = binomtest(wrong, pairs).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)
