"""How far a margin can be trusted: the share of pairs that are right, by how far apart the two cosines are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from hairsplit.evaluate.statistics import wilson
from hairsplit.report._svg import COLOURS, DASHES, canvas, series, style, to_svg
from hairsplit.report.figures import legend, short

BINS = 10
FEWEST = 20
"""Pairs of a bin."""
_HEIGHT, _TOP, _FOOT, _LEFT = 250.0, 40.0, 44.0, 44.0


@dataclass(frozen=True)
class Margins:
    """One evaluation."""

    label: str
    margin: ArrayLike
    """[n] cosine of the true caption minus that of the negative."""


@dataclass(frozen=True)
class Bin:
    """Pairs whose cosines lie about equally far apart."""

    distance: float
    """Median of the margins without their sign."""
    right: float
    """Share whose margin is above 0; a tie is a miss."""
    low: float
    high: float
    """Wilson's 95 % interval: pairs of one image are taken as independent here."""
    n: int


def calibration(margin: ArrayLike) -> list[Bin]:
    """Up to ten bins of equally many pairs, from the smallest margins, whatever their sign, to the largest.

    Fewer than 20 pairs make no bin.
    """
    found: NDArray[np.float64] = np.asarray(margin, np.float64)
    found = found[np.isfinite(found)]
    count = min(BINS, len(found) // FEWEST)
    if not count:
        return []
    order = np.argsort(np.abs(found), kind="stable")
    bins = []
    for members in np.array_split(found[order], count):
        hits = int((members > 0).sum())
        low, high = wilson(hits, len(members))
        bins.append(Bin(float(np.median(np.abs(members))), hits / len(members), low, high, len(members)))
    return bins


def margin_calibration(panels: Sequence[Margins], *, name: str = "calibration") -> str:
    """A line per evaluation: right to the right where a large margin means something, flat where it does not."""
    lines = [(panel.label, calibration(panel.margin)) for panel in panels]
    with style():
        figure, (axes,) = canvas(_HEIGHT, top=_TOP, bottom=_FOOT, left=_LEFT)
        for number, (_, bins) in enumerate(lines):
            _line(axes, bins, series(number, len(lines)))
        axes.axhline(50, color=COLOURS["ink"], lw=1.2, ls=DASHES)
        axes.set(xlabel="margin, without its sign", ylabel="right, %", ylim=(0, 102), yticks=range(0, 101, 25))
        axes.set_xlim(left=0)
        axes.grid(visible=True, axis="y")
        handles: list[Patch | Line2D] = [
            Line2D([], [], color=series(n, len(lines)), marker="o", ms=4, label=short(label, 24))
            for n, (label, _) in enumerate(lines)
        ]
        handles.append(Line2D([], [], color=COLOURS["ink"], lw=1.2, ls=DASHES, label="chance"))
        legend(figure, handles, _HEIGHT)
        return to_svg(figure, name, _told(lines))


def _line(axes: Axes, bins: Sequence[Bin], colour: str) -> None:
    across = [one.distance for one in bins]
    axes.plot(across, [100 * one.right for one in bins], color=colour, lw=1.3, marker="o", ms=4, zorder=3)
    for one in bins:
        axes.plot([one.distance] * 2, [100 * one.low, 100 * one.high], color=colour, lw=0.9, alpha=0.5, zorder=2)


def _told(lines: Sequence[tuple[str, Sequence[Bin]]]) -> str:
    def one(label: str, bins: Sequence[Bin]) -> str:
        if not bins:
            return f"{label}: too few pairs"
        return f"{label}: " + ", ".join(f"{100 * b.right:.0f} % at {b.distance:.3f}" for b in bins)

    return "Share of pairs that are right by the size of the margin. " + "; ".join(one(*line) for line in lines) + "."
