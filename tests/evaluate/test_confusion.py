"""Which edits fool a model: by hand, against plain loops, ties, constant models, and images without a choice."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.evaluate.confusion import edits_json, fooled, strongest
from hairsplit.evaluate.statistics import clustered_mean

# (margin, kind, role, image)
ROWS = [
    (0.2, "object", "subject", "a"),
    (-0.1, "object", "object", "a"),
    (-0.3, "relation", "subject", "a"),
    (0.0, "object", "subject", "b"),
    (0.1, "object", "object", "b"),
    (0.1, "count", "count", "c"),
    (0.2, "object", "object", "c"),
    (-0.5, "count", "count", "d"),
    (-0.9, "count", "", "d"),
]
MARGINS, KINDS, ROLES, IMAGES = (list(column) for column in zip(*ROWS, strict=True))


def test_each_kind_and_role_by_hand_with_a_tie_that_is_a_miss() -> None:
    cells = fooled(MARGINS, KINDS, ROLES, IMAGES)
    assert [(cell.kind, cell.role, cell.share.value, cell.share.n) for cell in cells] == [
        ("count", "count", 0.5, 2),
        ("object", "object", pytest.approx(1 / 3), 3),
        ("object", "subject", 0.5, 2),
        ("relation", "subject", 1.0, 1),
        ("", "count", 0.5, 2),
        ("", "object", pytest.approx(1 / 3), 3),
        ("", "subject", pytest.approx(2 / 3), 3),
    ]
    assert {cell.share.chance for cell in cells} == {0.5}
    assert cells[2].share == clustered_mean([0, 1], ["a", "b"], chance=0.5)


def test_the_strongest_by_hand() -> None:
    """Image a: the relation's subject, of three; b: the tie of the subject, of two; c is right, d leaves no choice."""
    found = strongest(MARGINS, ROLES, IMAGES)
    assert [(one.role, one.share.value, one.share.n) for one in found] == [("subject", 1.0, 2), ("object", 0.0, 2)]
    assert found[0].share.chance == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found[0].excess.value == pytest.approx(1 - (2 / 3 + 1 / 2) / 2)
    assert found[1].excess.value == pytest.approx(-(1 / 3 + 1 / 2) / 2)
    assert found[0].excess.n == 2


def test_to_a_constant_model_no_edit_is_stronger_than_another() -> None:
    found = strongest([0.0] * len(ROWS), ROLES, IMAGES)
    assert len(found) == 3
    for one in found:
        assert one.share.value == pytest.approx(one.share.chance)
        assert (one.excess.low, one.excess.value, one.excess.high) == pytest.approx((0, 0, 0))
    assert {cell.share.value for cell in fooled([0.0] * len(ROWS), KINDS, ROLES, IMAGES)} == {1.0}


def test_a_model_that_is_never_wrong_is_fooled_by_nothing() -> None:
    assert strongest([0.1] * len(ROWS), ROLES, IMAGES) == []
    assert {cell.share.value for cell in fooled([0.1] * len(ROWS), KINDS, ROLES, IMAGES)} == {0.0}


def test_where_no_edit_is_known_nothing_is_told() -> None:
    assert fooled([0.1, -0.1], ["a", "b"], ["", ""], ["x", "y"]) == []
    assert strongest([0.1, -0.1], ["", ""], ["x", "x"]) == []
    assert edits_json([], []) is None
    assert fooled([], [], [], []) == []
    assert strongest([], [], []) == []


PAIRS = st.lists(
    st.tuples(
        st.integers(-3, 3), st.sampled_from("xy"), st.sampled_from(["p", "q", "r", ""]), st.sampled_from("abc")
    ),
    min_size=1,
    max_size=14,
)  # fmt: skip


@given(rows=PAIRS)
def test_the_numbers_are_those_of_plain_loops_in_any_order(rows: list[tuple[int, str, str, str]]) -> None:
    margins, kinds, roles, images = (
        [r[0] for r in rows],
        [r[1] for r in rows],
        [r[2] for r in rows],
        [r[3] for r in rows],
    )
    for cell in fooled(margins, kinds, roles, images):
        mine = [m for m, kind, role, _ in rows if role == cell.role and cell.kind in {"", kind}]
        assert cell.share.n == len(mine)
        assert cell.share.value == pytest.approx(sum(m <= 0 for m in mine) / len(mine))
    by_image = defaultdict(list)
    for margin, _, role, image in rows:
        if role:
            by_image[image].append((margin, role))
    credit, chance = [], []
    for pairs in by_image.values():
        worst = min(margin for margin, _ in pairs)
        if worst <= 0 and len({role for _, role in pairs}) > 1:
            winners = [role for margin, role in pairs if margin == worst]
            credit.append({role: winners.count(role) / len(winners) for role in "pqr"})
            chance.append({role: [name for _, name in pairs].count(role) / len(pairs) for role in "pqr"})
    found = {one.role: one for one in strongest(margins, roles, images)}
    assert set(found) == {role for role in "pqr" if any(own[role] for own in chance)}
    for role, one in found.items():
        assert one.share.n == len(credit)
        assert one.share.value == pytest.approx(np.mean([own[role] for own in credit]))
        assert one.share.chance == pytest.approx(np.mean([own[role] for own in chance]))
        assert one.excess.value == pytest.approx(one.share.value - (one.share.chance or 0))
    if found:
        assert sum(one.share.value for one in found.values()) == pytest.approx(1)
        assert sum(one.share.chance or 0 for one in found.values()) == pytest.approx(1)
    turned = list(reversed(rows))
    again = strongest([r[0] for r in turned], [r[2] for r in turned], [r[3] for r in turned])
    assert [(o.role, o.share.n) for o in again] == [(o.role, o.share.n) for o in strongest(margins, roles, images)]


def test_the_intervals_are_of_whole_images() -> None:
    """The same pairs once more in the same images tell nothing new."""
    rng = np.random.default_rng(0)
    images = [str(n % 30) for n in range(240)]
    roles = [("p", "q", "r")[n % 7 % 3] for n in range(240)]
    margins = rng.normal(0.05, 0.1, 240).tolist()
    once = strongest(margins, roles, images)
    assert strongest(margins * 2, roles * 2, images * 2) == once
    assert all(one.share.low < one.share.value < one.share.high for one in once)
    cells = fooled(margins, ["k"] * 240, roles, images)
    twice = fooled(margins * 2, ["k"] * 480, roles * 2, images * 2)
    assert [(c.share.low, c.share.high) for c in twice] == [(c.share.low, c.share.high) for c in cells]


def test_the_record_has_every_number_and_null_for_all_kinds() -> None:
    told = edits_json(fooled(MARGINS, KINDS, ROLES, IMAGES), strongest(MARGINS, ROLES, IMAGES))
    assert told is not None
    assert [cell["kind"] for cell in told["fooled"]] == ["count", "object", "object", "relation", None, None, None]
    assert told["fooled"][3]["share"] == {"value": 1.0, "low": None, "high": None, "n": 1, "chance": 0.5}
    assert [one["edit_role"] for one in told["strongest"]] == ["subject", "object"]
    assert set(told["strongest"][0]) == {"edit_role", "share", "excess"}
