"""What is compared of a table of pairs: every part by hand, with a tie, and the blind reader beside each."""

from dataclasses import replace

import numpy as np
import pytest

from hairsplit.core.types import Edit, Pair
from hairsplit.evaluate import metrics
from hairsplit.evaluate.measure import ALL, MACRO
from hairsplit.evaluate.pair_measures import blind_estimates, pair_measures
from hairsplit.evaluate.suite import Scores
from hairsplit.evaluate.text_only import TextOnlyBaseline, text_only_baseline

# kind, role, source, image, cosine of the true caption and of the negative
ROWS = [
    ("object", "subject", "s", "a", 0.3, 0.1),
    ("object", "object", "s", "a", 0.1, 0.3),
    ("object", "", "t", "b", 0.2, 0.2),
    ("count", "count", "t", "b", 0.4, 0.1),
    ("count", "count", "t", "c", 0.2, 0.2),
]


def pair(n: int, kind: str, role: str, source: str, image: str) -> Pair:
    edit = Edit(role, "one", "two") if role else None
    return Pair(
        image=image,
        image_id=image,
        caption=f"one thing {n}",
        negative=f"two things {n}",
        kind=kind,
        source=source,
        edit=edit,
    )


PAIRS = tuple(pair(n, *row[:4]) for n, row in enumerate(ROWS))


def scores(pairs: tuple[Pair, ...] = PAIRS) -> Scores:
    positive, negative = (np.array([row[n] for row in ROWS]) for n in (4, 5))
    none = np.zeros((0, 2), np.float32)
    thesis = (metrics.thesis_row(metrics.OVERALL, positive, negative, None),)
    return Scores(pairs, positive, negative, ("a", "b", "c"), none, none, thesis)


def test_every_part_by_hand() -> None:
    found = [(one.part, one.name, one.estimate(0).value, one.ties, one.n) for one in pair_measures(scores())]
    assert found == [
        ("overall", ALL, 2 / 5, 2, 5),
        ("overall", MACRO, (1 / 3 + 1 / 2) / 2, 2, 5),
        ("kind", "count", 1 / 2, 1, 2),
        ("kind", "object", 1 / 3, 1, 3),
        ("edit role", "count", 1 / 2, 1, 2),
        ("edit role", "object", 0, 0, 1),
        ("edit role", "subject", 1, 0, 1),
        ("kind and edit role", "object, object", 0, 0, 1),
        ("kind and edit role", "object, subject", 1, 0, 1),
        ("source", "s", 1 / 2, 0, 2),
        ("source", "t", 1 / 3, 2, 3),
    ]
    assert {one.chance for one in pair_measures(scores())} == {0.5}
    assert pair_measures(scores())[-1].clusters == ("b", "b", "c")


def test_one_source_needs_no_part_of_its_own() -> None:
    same = tuple(pair(n, row[0], row[1], "s", row[3]) for n, row in enumerate(ROWS))
    assert "source" not in {one.part for one in pair_measures(scores(same))}


def found_of(pairs: tuple[Pair, ...]) -> TextOnlyBaseline:
    return text_only_baseline(
        [one.caption for one in pairs],
        [one.negative or "" for one in pairs],
        [one.kind for one in pairs],
        [one.image for one in pairs],
    )


def test_the_blind_readers_numbers_are_of_the_same_pairs() -> None:
    assert blind_estimates(TextOnlyBaseline(None, None, {}, None, 0, 0, 5, "too few"), PAIRS, seed=0) == {}
    many = tuple(pair(n, *ROWS[n % 5][:3], f"image {n // 5}") for n in range(100))
    few = replace(found_of(many), rows=np.arange(100)[::-1], credits=np.arange(100.0)[::-1] / 100)
    assert blind_estimates(few, many, seed=0)["edit role", "object"].value == pytest.approx(0.485)
    found = found_of(many)
    told = blind_estimates(found, many, seed=0)
    assert told["overall", ALL] == found.overall
    assert told["overall", MACRO] == found.mean_of_kinds
    assert told["kind", "object"] == found.by_kind["object"]
    credits = dict(zip(found.rows.tolist(), found.credits.tolist(), strict=True))
    mine = [credits[n] for n, one in enumerate(many) if n in credits and one.edit and one.edit.role == "subject"]
    assert told["edit role", "subject"].value == pytest.approx(np.mean(mine))
    assert told["kind and edit role", "object, subject"] == told["edit role", "subject"]
    assert ("edit role", "") not in told
