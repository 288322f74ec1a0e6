"""Drawing pairs: exact sizes, whole images on one side of a split, and the same choice in whatever blocks they came."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import arrow_table
from hairsplit.core.types import Pair
from hairsplit.data._admit import Block, rank
from hairsplit.data._draw import OUT, TRAIN, VAL, Draw, Drawing


def pairs_of(sizes: list[int]) -> list[Pair]:
    return [
        Pair(image=f"{image}.jpg", image_id=str(image), caption=f"a {n}", negative="b", kind="k", source="s")
        for image, size in enumerate(sizes)
        for n in range(size)
    ]


def fates(pairs: list[Pair], draw: Draw, block: int = 1_000) -> list[int]:
    drawing = Drawing()
    for start in range(0, len(pairs), block):
        some = pairs[start : start + block]
        ranks = [rank(str(draw.seed), pair.image, pair.caption, pair.negative or "") for pair in some]
        drawing.add(Block(table=arrow_table(some), ranks=np.array(ranks, np.uint64)))
    drawing.add(Block(table=pa.table({}), ranks=None))
    return [int(fate) for fate in drawing.fates(draw)]


sizes = st.lists(st.integers(0, 9), min_size=2, max_size=12).filter(lambda found: sum(map(bool, found)) > 1)
draws = st.builds(
    Draw,
    seed=st.integers(0, 99),
    images=st.none() | st.integers(2, 9),
    per_image=st.none() | st.integers(1, 6),
    pairs=st.none() | st.integers(1, 30),
)


@settings(deadline=None)
@given(sizes, draws, st.integers(1, 20))
def test_every_step_leaves_as_many_as_were_asked_for(sizes: list[int], draw: Draw, block: int) -> None:
    pairs = pairs_of(sizes)
    found = fates(pairs, draw, block)
    assert found == fates(pairs, draw)
    kept = Counter(pair.image for pair, fate in zip(pairs, found, strict=True) if fate == TRAIN)
    full = Counter(pair.image for pair in pairs)
    images = min(draw.images or 99, len(full))
    assert set(found) <= {OUT, TRAIN}
    if draw.pairs is None:
        assert len(kept) == images
        assert all(count == min(draw.per_image or 99, full[image]) for image, count in kept.items())
    else:
        assert len(kept) <= images
        assert sum(kept.values()) <= draw.pairs
        assert max(kept.values()) <= (draw.per_image or 99)
        if draw.images is None:
            assert sum(kept.values()) == min(draw.pairs, sum(min(n, draw.per_image or 99) for n in full.values()))


@settings(deadline=None)
@given(sizes, st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_split_is_by_image_and_leaves_no_side_empty(sizes: list[int], share: float, seed: int) -> None:
    pairs = pairs_of(sizes)
    found = fates(pairs, Draw(val_share=share, seed=seed))
    sides = {side: {p.image for p, fate in zip(pairs, found, strict=True) if fate == side} for side in (TRAIN, VAL)}
    count = len({pair.image for pair in pairs})
    assert not sides[TRAIN] & sides[VAL]
    assert len(sides[VAL]) == min(max(round(share * count), 1), count - 1)
    assert len(sides[TRAIN]) + len(sides[VAL]) == count


def test_another_seed_draws_others_and_no_pair_is_preferred() -> None:
    pairs = pairs_of([40] * 5)
    chosen = Counter(
        at
        for seed in range(300)
        for at, fate in enumerate(fates(pairs, Draw(seed=seed, per_image=10)))
        if fate == TRAIN
    )
    assert len(chosen) == 200
    assert sum(chosen.values()) == 300 * 50
    assert 40 < min(chosen.values()) <= max(chosen.values()) < 115  # 75 expected, standard deviation 7.5


def test_pairs_drawn_of_images_of_unequal_size_favour_none_of_them() -> None:
    """Each image gives ten to the second step: if it used the ranks of the first, the larger image would win."""
    pairs = pairs_of([1_000, 10])
    large = sum(
        sum(fate == TRAIN for fate in fates(pairs, Draw(seed=seed, per_image=10, pairs=10), block=2_000)[:1_000])
        for seed in range(40)
    )
    assert 150 < large < 250  # of 400; 200 expected, standard deviation 7


def test_one_image_cannot_be_split() -> None:
    with pytest.raises(HairsplitError, match="one image cannot be split"):
        fates(pairs_of([5]), Draw(val_share=0.5))


@pytest.mark.parametrize(
    "draw", [Draw(images=0), Draw(per_image=0), Draw(pairs=-1), Draw(val_share=0), Draw(val_share=1.0)]
)
def test_numbers_out_of_range_are_refused(draw: Draw) -> None:
    with pytest.raises(HairsplitError, match=r"is -?\d"):
        draw.check()
