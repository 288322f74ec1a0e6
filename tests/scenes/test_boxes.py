"""How boxes lie to each other."""

from random import Random

import pytest

from hairsplit.core.types import Box
from hairsplit.scenes.boxes import across, beside, down, stacked


@pytest.mark.parametrize("slope", [0, 0.5, 1])
def test_sides_are_those_of_the_gaps(slope: float) -> None:
    rng, seen = Random(1), set()  # noqa: S311 - for a test
    for _ in range(2_000):
        a, b = (Box(rng.randrange(12), rng.randrange(12), rng.randint(1, 6), rng.randint(1, 6)) for _ in range(2))
        for order, along, over in ((beside, across, down), (stacked, down, across)):
            gap, other = along(a, b), over(a, b)
            steep = abs(gap.shift) >= slope * abs(other.shift)
            expected = 0 if not steep else -1 if gap.before else 1 if gap.after else 0
            assert order(a, b, slope) == expected
            seen.add((order, expected, steep))
    assert len(seen) == (6 if slope == 0 else 8)
