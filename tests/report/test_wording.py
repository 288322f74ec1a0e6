import math

import pytest

from hairsplit.core.types import Estimate
from hairsplit.report import wording

UNKNOWN = Estimate(0.5, math.nan, math.nan, 1)


def test_numbers_read_as_percentages_points_and_cosines() -> None:
    assert wording.percent(0.6534) == "65.3\u00a0%"
    assert [wording.points(value) for value in (0.25, -0.011, -0.0001)] == ["+25.0", "−1.1", "0.0"]
    assert [wording.cosine(value) for value in (0.31249, -0.5, -0.0001)] == ["0.312", "−0.500", "0.000"]
    assert wording.interval(Estimate(0.5, 0.45, 0.552, 9)) == "[45.0, 55.2]"
    assert wording.span(Estimate(0.1, -0.05, 0.25, 9)) == "[−5.0, +25.0]"


def test_what_is_unknown_is_never_zero() -> None:
    assert [wording.percent(None), wording.points(None), wording.cosine(math.nan), wording.plain(None)] == ["–"] * 4
    assert wording.interval(UNKNOWN) == wording.span(UNKNOWN) == "no interval"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.05, 0.15, "rose by 10.0 points"),
        (-0.02, 0.2, "+10.0 points, no clear change"),
        (math.nan, math.nan, "+10.0 points, by too few images to tell"),
    ],
)
def test_a_rise_is_claimed_only_where_the_interval_excludes_zero(low: float, high: float, told: str) -> None:
    assert wording.told(Estimate(0.1, low, high, 100)) == told


def test_a_fall_is_told_without_a_double_minus() -> None:
    assert wording.told(Estimate(-0.1, -0.2, -0.05, 100)) == "fell by 10.0 points"


def test_codes_become_words() -> None:
    assert wording.named("attribute_swap") == "attribute swap"
    assert wording.named("image_to_text@5") == "image → text, recall@5"
    assert wording.named("top1") == "zero-shot top-1"


def test_durations_and_p_values() -> None:
    assert [wording.duration(s).replace("\u00a0", " ") for s in (4.25, 59, 75, 7260)] == [
        "4.2 s",
        "59 s",
        "1 min 15 s",
        "2 h 1 min",
    ]
    assert [wording.p_value(p) for p in (0.0001, 0.034, 1.0)] == ["< 0.001", "0.034", "1"]


def test_words_that_differ_are_marked_and_all_is_escaped() -> None:
    true, false = wording.marked("A <b> mug left of a plate", "a <b> mug right of a plate")
    assert true == "A &lt;b&gt; mug <mark>left</mark> of a plate"
    assert false == "a &lt;b&gt; mug <mark>right</mark> of a plate"
    assert wording.marked("", "x y") == ("", "<mark>x y</mark>")
