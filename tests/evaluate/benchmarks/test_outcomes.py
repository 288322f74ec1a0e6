"""Outcomes against their definitions written out in loops; chance against many random scores; ties under both rules."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.evaluate.benchmarks._outcomes import (
    CORRECT,
    GROUP,
    IMAGE,
    ITT,
    TEXT,
    TOT,
    Cosines,
    FloatArray,
    Outcome,
    at_least,
    clearly,
)
from hairsplit.evaluate.metrics import TIE

Rule = Callable[[float, float], bool]


def strict(a: float, b: float) -> bool:
    return a - b > TIE


def loose(a: float, b: float) -> bool:
    return not b - a > TIE


def written_out(name: str, s: list[list[float]], t: list[list[float]], beats: Rule) -> bool:
    """The oracle: one item, plain numbers; s[image][caption], t[caption][caption]."""
    if name == "correct":
        return all(beats(s[0][0], s[i][c]) for i, c in product(range(len(s)), range(len(s[0]))) if (i, c) != (0, 0))
    text = name in {"text", "group"}
    image = name in {"image", "group"}
    if text or image:
        right = True
        if text:
            right = right and beats(s[0][0], s[0][1]) and beats(s[1][1], s[1][0])
        if image:
            right = right and beats(s[0][0], s[1][0]) and beats(s[1][1], s[0][1])
        return right
    if name == "itt":
        return beats(s[0][0], s[0][2]) and beats(s[0][1], s[0][2])
    return beats(t[0][1], t[0][2]) and beats(t[0][1], t[1][2])


SHAPES: tuple[tuple[Outcome, int, int], ...] = (
    (CORRECT, 1, 2),
    (CORRECT, 1, 5),
    (CORRECT, 3, 1),
    (TEXT, 2, 2),
    (IMAGE, 2, 2),
    (GROUP, 2, 2),
    (ITT, 1, 3),
    (TOT, 1, 3),
)


def drawn(n: int, i: int, c: int, seed: int, levels: int | None) -> Cosines:
    """Random cosines; with `levels`, of so few values that ties are common."""
    rng = np.random.default_rng(seed)

    def table(a: int, b: int) -> FloatArray:
        values = rng.random((n, a, b)) if levels is None else rng.integers(levels, size=(n, a, b)) / 7
        return np.asarray(values, np.float64)

    texts = table(c, c)
    return Cosines(table(i, c), np.asarray(texts + texts.transpose(0, 2, 1)))


@pytest.mark.parametrize(("outcome", "i", "c"), SHAPES)
@given(seed=st.integers(0, 10_000))
def test_each_outcome_is_its_definition_under_both_rules_for_ties(outcome: Outcome, i: int, c: int, seed: int) -> None:
    cosines = drawn(20, i, c, seed, levels=3)
    for beats, rule in ((clearly, strict), (at_least, loose)):
        expected = [
            written_out(outcome.name, s.tolist(), t.tolist(), rule)
            for s, t in zip(cosines.image_text, cosines.text_text, strict=True)
        ]
        assert outcome.right(cosines, beats).tolist() == expected


@pytest.mark.parametrize(("outcome", "i", "c"), SHAPES)
def test_chance_is_what_random_cosines_score(outcome: Outcome, i: int, c: int) -> None:
    hits = outcome.right(drawn(40_000, i, c, 0, levels=None), clearly)
    assert hits.mean() == pytest.approx(outcome.chance(i, c), abs=0.01)


@pytest.mark.parametrize(("outcome", "i", "c"), SHAPES)
def test_a_model_to_which_all_is_the_same_scores_0_by_our_rule_and_100_by_the_other(
    outcome: Outcome, i: int, c: int
) -> None:
    same = Cosines(np.full((4, i, c), 0.3), np.full((4, c, c), 0.3))
    assert not outcome.right(same, clearly).any()
    assert outcome.right(same, at_least).all()


def test_a_difference_within_the_noise_of_float32_is_a_tie() -> None:
    noisy = Cosines(
        np.array([[[0.3 + TIE / 2, 0.3]], [[0.3 + 3 * TIE, 0.3]], [[0.3, 0.3 + TIE / 2]]]), np.zeros((3, 2, 2))
    )
    assert CORRECT.right(noisy, clearly).tolist() == [False, True, False]
    assert CORRECT.right(noisy, at_least).tolist() == [True, True, True]
