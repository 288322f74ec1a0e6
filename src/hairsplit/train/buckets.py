"""Texts of like length together, so that hardly any padding is computed."""

from collections.abc import Sequence

OVERHEAD = 64
"""What one more pass through a text tower costs on a CPU, in token positions: the weights' gradients are read and added
to once more."""
OVERHEAD_OF_A_GPU = 4096
"""The same on an accelerator, where a position costs a thousandth, and starting the kernels does not."""


def buckets(lengths: Sequence[int], overhead: int) -> list[tuple[int, int]]:
    """Cut texts sorted by length into runs (start, stop), each to be padded to its last, at the least cost.

    A run of n texts up to length l costs n l + `overhead` token positions; the least sum over all ways to cut, by
    dynamic programming over the different lengths. Fewer runs where two ways cost the same.

    Args:
        lengths: Ascending.
        overhead: Token positions.
    """
    ends = [n + 1 for n, length in enumerate(lengths) if n + 1 == len(lengths) or lengths[n + 1] > length]
    best: list[tuple[int, int, int]] = [
        (0, 0, -1)
    ]  # cost, runs, where the last run starts, of the texts up to each end
    for last, end in enumerate(ends):
        starts = [0, *ends[: last + 1]]
        best.append(
            min(
                (best[place][0] + overhead + (end - starts[place]) * lengths[end - 1], best[place][1] + 1, place)
                for place in range(last + 1)
            )
        )
    runs, place = [], len(ends)
    while place > 0:
        before = best[place][2]
        runs.append(([0, *ends][before], ends[place - 1]))
        place = before
    return runs[::-1]
