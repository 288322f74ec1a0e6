"""Gain against forgetting, a panel per objective, a colour per mode: the figure of `benchmarks/objectives.py`."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hairsplit.core.types import Estimate
from hairsplit.report._svg import COLOURS, DASHES, SERIES, WIDTH, style, to_svg
from hairsplit.report.figures import legend

COLUMNS = 3
EACH, TOP, FOOT, LEFT = 104.0, 62.0, 40.0, 40.0
"""Heights of a panel, of legend and foot, and the left margin, in units of the figure."""
MODE_COLOURS = (*SERIES[1:], COLOURS["negative"], SERIES[0])


@dataclass(frozen=True)
class Point:
    """An objective in a mode."""

    objective: str
    mode: str
    gain: Estimate
    """Change of mean pair accuracy, a share."""
    kept: Estimate
    """Change of what may be forgotten, a share."""


def grid(points: Sequence[Point], objectives: Sequence[str], modes: Sequence[str], *, name: str = "objectives") -> str:
    """An SVG: gain to the right, retrieval kept upwards, both in points with intervals; dashed lines are the start."""
    rows = math.ceil(len(objectives) / COLUMNS)
    height = TOP + FOOT + EACH * rows
    colours = dict(zip(modes, MODE_COLOURS, strict=False))
    with style():
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        FigureCanvasSVG(figure)
        spec = figure.add_gridspec(
            rows, COLUMNS, left=LEFT / WIDTH, right=1 - 8 / WIDTH, top=1 - TOP / height, bottom=FOOT / height,
            hspace=0.32, wspace=0.12,
        )  # fmt: skip
        axes: list[Axes] = []
        for number, objective in enumerate(objectives):
            shared = axes[0] if axes else None
            panel = figure.add_subplot(spec[number // COLUMNS, number % COLUMNS], sharex=shared, sharey=shared)
            axes.append(panel)
            _panel(panel, [point for point in points if point.objective == objective], colours, objective)
            panel.tick_params(
                labelleft=number % COLUMNS == 0, labelbottom=number + COLUMNS >= len(objectives), labelsize=8.5
            )
        _labels(figure, height)
        handles: list[Patch | Line2D] = [
            Line2D([], [], ls="", marker="o", ms=5, color=colour, label=mode) for mode, colour in colours.items()
        ]
        legend(figure, handles, height)
        return _alone(to_svg(figure, name, _told(points)))


def _alone(svg: str) -> str:
    """For a file of its own: on white, without the colours of a page."""
    head, _, rest = re.sub(r"var\(--[\w-]+, (#\w+)\)", r"\1", svg).partition(">")
    return f'{head}><rect width="100%" height="100%" fill="#ffffff"/>{rest}\n'


def _panel(axes: Axes, points: Sequence[Point], colours: dict[str, str], title: str) -> None:
    axes.set_title(title, pad=3, fontsize=9)
    axes.grid(visible=True)
    axes.axhline(0, color=COLOURS["soft"], lw=0.9, ls=DASHES, zorder=1)
    axes.axvline(0, color=COLOURS["soft"], lw=0.9, ls=DASHES, zorder=1)
    for point in points:
        x, y, colour = 100 * point.gain.value, 100 * point.kept.value, colours[point.mode]
        axes.plot([100 * point.gain.low, 100 * point.gain.high], [y, y], color=colour, lw=0.9, alpha=0.5, zorder=2)
        axes.plot([x, x], [100 * point.kept.low, 100 * point.kept.high], color=colour, lw=0.9, alpha=0.5, zorder=2)
        axes.plot([x], [y], ls="", marker="o", ms=4.5, mec="white", mew=0.5, mfc=colour, zorder=3)


def _labels(figure: Figure, height: float) -> None:
    soft = COLOURS["soft"]
    figure.text(0.5, 6 / height, "gain: mean pair accuracy over kinds, points", ha="center", color=soft)
    figure.text(2 / WIDTH, 0.5, "change of retrieval at 1, points", va="center", rotation=90, color=soft)


def _told(points: Sequence[Point]) -> str:
    def one(point: Point) -> str:
        return f"{point.objective}, {point.mode}: {100 * point.gain.value:+.1f} and {100 * point.kept.value:+.1f}"

    return "Gain of pair accuracy and change of retrieval, points. " + "; ".join(map(one, points)) + "."
