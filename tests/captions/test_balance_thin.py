from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.captions._balance_thin import SMALL, by_cells, by_gaps, mirrored

Row = tuple[int, int, bool]
"""Fine cell, coarse cell, direction."""
rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=120)


def cells_of(given_rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    cells = np.array([[coarse * 10 + fine, coarse] for fine, coarse, _ in given_rows], np.uint64).reshape(-1, 2)
    return cells, np.array([forward for *_, forward in given_rows], bool)


def expected(given_rows: list[Row]) -> list[bool]:
    """What `by_cells` is to do with two levels, row by row."""
    kept, gone = set[int](), set[int]()
    for level in (0, 1):
        cells: dict[tuple[int, ...], list[int]] = {}
        for number, (fine, coarse, _) in enumerate(given_rows):
            if number not in gone:
                cells.setdefault((coarse, fine) if level == 0 else (coarse,), []).append(number)
        for members in cells.values():
            waiting = [n for n in members if n not in kept]
            forth = [n for n in waiting if given_rows[n][2]]
            back = [n for n in waiting if not given_rows[n][2]]
            for one, two in zip(forth, back, strict=False):
                kept |= {one, two}
            if len(members) >= SMALL:
                gone |= set(members) - kept
    return [number in kept for number in range(len(given_rows))]


@given(rows)
def test_what_is_kept_agrees_with_the_rule_written_out(given_rows: list[Row]) -> None:
    cells, forward = cells_of(given_rows)
    assert by_cells(cells, forward, strict=True).tolist() == expected(given_rows)


@given(rows)
def test_every_coarse_cell_and_every_large_fine_one_ends_up_even(given_rows: list[Row]) -> None:
    cells, forward = cells_of(given_rows)
    kept = by_cells(cells, forward, strict=True)
    for level in (0, 1):
        sizes = Counter(cells[:, level].tolist())
        for cell, size in sizes.items():
            mine = forward[kept & (cells[:, level] == cell)]
            if level == 1 or size >= SMALL:
                assert 2 * mine.sum() == len(mine)


def test_a_large_cell_is_not_made_even_by_its_neighbour() -> None:
    """One context only ever has the edit one way, another only the other way: both give it away."""
    for size, left in ((SMALL, 0), (SMALL - 1, 2 * (SMALL - 1))):
        cells, forward = cells_of([(0, 0, True)] * size + [(1, 0, False)] * size)
        assert by_cells(cells, forward, strict=True).sum() == left


@given(rows)
def test_if_not_strict_what_is_over_in_small_cells_is_kept_too(given_rows: list[Row]) -> None:
    cells, forward = cells_of(given_rows)
    kept, strictly = (by_cells(cells, forward, strict=strict) for strict in (False, True))
    sizes = [Counter(cells[:, level].tolist()) for level in (0, 1)]
    small = np.array([all(sizes[i][c] < SMALL for i, c in enumerate(row)) for row in cells.tolist()], bool)
    assert (kept >= strictly).all()
    assert kept[small].all()
    for cell, size in sizes[0].items():
        mine = forward[kept & (cells[:, 0] == cell)]
        assert size < SMALL or 2 * mine.sum() == len(mine)


@given(rows)
def test_one_level_keeps_as_much_as_is_possible(given_rows: list[Row]) -> None:
    cells, forward = cells_of(given_rows)
    most = sum(
        2 * min(forward[cells[:, 1] == cell].sum(), (~forward[cells[:, 1] == cell]).sum())
        for cell in set(cells[:, 1].tolist())
    )
    assert by_cells(cells[:, 1:], forward, strict=True).sum() == most


@given(rows)
def test_of_a_cell_the_first_rows_are_kept(given_rows: list[Row]) -> None:
    cells, forward = cells_of(given_rows)
    cell = cells[:, 1].astype(np.int64)
    kept = mirrored(cell, forward)
    for number in set(cell.tolist()):
        for direction in (True, False):
            mine = kept[(cell == number) & (forward == direction)]
            assert sorted(mine, reverse=True) == list(mine)


@given(st.lists(st.tuples(st.integers(-30, 30), st.booleans()), max_size=80))
def test_gaps_end_up_as_often_above_zero_as_below(drawn: list[tuple[int, bool]]) -> None:
    gaps = np.array([gap / 8 for gap, _ in drawn], np.float64)
    half = np.array([side for _, side in drawn], bool)
    kept = by_gaps(gaps, half)
    assert kept[gaps == 0].all()
    for side in (False, True):
        mine = gaps[kept & (half == side)]
        assert (mine > 0).sum() == (mine < 0).sum()
        given_side = gaps[half == side]
        assert (mine > 0).sum() == min((given_side > 0).sum(), (given_side < 0).sum())


def test_large_gaps_are_evened_apart_from_small_ones() -> None:
    """Many small gaps below zero are no counterweight for many large ones above it."""
    rng = np.random.default_rng(0)
    large, small = rng.uniform(2, 3, 4000), -rng.uniform(0, 1, 4000)
    mixed = np.concatenate([large, small, -large[:400], -small[:400]])
    kept = by_gaps(mixed, np.zeros(len(mixed), bool))
    edges = np.quantile(np.abs(mixed), np.arange(1, 20) / 20)
    bins = np.searchsorted(edges, np.abs(mixed), side="right")
    for number in range(20):
        mine = mixed[kept & (bins == number)]
        assert (mine > 0).sum() == (mine < 0).sum()
    assert 1200 < kept.sum() <= 1600
