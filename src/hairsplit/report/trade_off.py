"""Gain against forgetting as one picture: every model a point with both intervals, a sweep's points joined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hairsplit.core.types import Estimate
from hairsplit.evaluate.measure import MACRO
from hairsplit.report import wording
from hairsplit.report._svg import COLOURS, SERIES, canvas, style, to_svg
from hairsplit.report.figures import legend, short

_HEIGHT, _TOP, _FOOT, _LEFT = 330.0, 52.0, 44.0, 58.0


@dataclass(frozen=True)
class Spot:
    """One model."""

    label: str
    """Beside the point, such as its alpha."""
    gain: Estimate
    """Share, such as mean pair accuracy."""
    kept: Estimate
    """Share, such as zero-shot top-1."""
    on_front: bool = False
    picked: bool = False


@dataclass(frozen=True)
class Curve:
    """The models between two, in order."""

    label: str
    spots: tuple[Spot, ...]


Axis = tuple[str, Mapping[str, Any]]
"""(suite, measure)."""


def axes(suites: Sequence[Mapping[str, Any]]) -> tuple[Axis, Axis] | None:
    """What may be gained and what may be forgotten, of `suites` of compare.json; None where one of the two is missing.

    The gain is the mean over kinds of the first table of pairs, or the first number of the first benchmark, whichever
    comes first; kept is the first number of recognition, else of retrieval.
    """
    gain = next((suite for suite in suites if suite["sort"] in {"pairs", "benchmark"} and suite["measures"]), None)
    by_sort = {suite["sort"]: suite for suite in reversed(suites) if suite["measures"]}
    kept = by_sort.get("recognition") or by_sort.get("retrieval")
    if gain is None or kept is None:
        return None
    measure = next((one for one in gain["measures"] if one["name"] == MACRO), gain["measures"][0])
    return (gain["name"], measure), (kept["name"], kept["measures"][0])


def axis_name(measure: str, suite: str) -> str:
    """What an axis shows: zero-shot top-1 (recognition)."""
    return f"{wording.named(measure)} ({suite})"


def trade_off(curves: Sequence[Curve], *, gain: str, kept: str, name: str = "trade-off", ring: str = "picked") -> str:
    """What was gained to the right, what was kept upwards; filled points are those that no other beats on both.

    Args:
        curves: Each from the base to a fine-tuned model.
        gain: What the horizontal axis shows.
        kept: What the vertical axis shows.
        name: Prefix of the ids of the SVG.
        ring: What the points that are `picked` are called.
    """
    with style():
        figure, (axes,) = canvas(_HEIGHT, top=_TOP, bottom=_FOOT, left=_LEFT)
        for number, curve in enumerate(curves):
            _curve(axes, curve, SERIES[1 + number % (len(SERIES) - 1)])
        axes.set(xlabel=f"{short(gain)}, %", ylabel=f"{short(kept)}, %")
        axes.grid(visible=True)
        axes.margins(0.12)
        handles: list[Patch | Line2D] = [
            Line2D([], [], color=SERIES[1 + n % (len(SERIES) - 1)], marker="o", label=short(curve.label, 24))
            for n, curve in enumerate(curves)
        ]
        if any(spot.picked for curve in curves for spot in curve.spots):
            handles.append(Line2D([], [], label=ring, **_ring(9.0)))
        legend(figure, handles, _HEIGHT)
        return to_svg(figure, name, _told(curves, gain, kept, ring))


def _curve(axes: Axes, curve: Curve, colour: str) -> None:
    across = [100 * spot.gain.value for spot in curve.spots]
    up = [100 * spot.kept.value for spot in curve.spots]
    axes.plot(across, up, color=colour, lw=1.3, zorder=2)
    for spot, x, y in zip(curve.spots, across, up, strict=True):
        for estimate, plot in ((spot.gain, "x"), (spot.kept, "y")):
            if wording.known(estimate):
                ends = [100 * estimate.low, 100 * estimate.high]
                line = (ends, [y, y]) if plot == "x" else ([x, x], ends)
                axes.plot(*line, color=colour, lw=0.9, alpha=0.45, zorder=1)
        axes.plot(
            [x], [y], ls="", marker="o", ms=5.5, mec=colour, mfc=colour if spot.on_front else COLOURS["card"], zorder=3
        )
        if spot.picked:
            axes.plot([x], [y], zorder=4, **_ring(12.0))
        axes.annotate(
            short(spot.label, 16), (x, y), textcoords="offset points", xytext=(6, 5), fontsize=9, color=COLOURS["soft"]
        )


def _ring(size: float) -> dict[str, Any]:
    return {"ls": "", "marker": "o", "ms": size, "mfc": "none", "mec": COLOURS["ink"], "mew": 1.4}


def _told(curves: Sequence[Curve], gain: str, kept: str, ring: str) -> str:
    def one(spot: Spot) -> str:
        shown = f"{spot.label}: {100 * spot.gain.value:.1f} and {100 * spot.kept.value:.1f} %"
        return shown + (f", {ring}" if spot.picked else "")

    lines = [f"{curve.label}: " + "; ".join(one(spot) for spot in curve.spots) for curve in curves]
    return f"{gain} against {kept}. " + ". ".join(lines) + "."
