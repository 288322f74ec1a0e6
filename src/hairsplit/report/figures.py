"""The figures of a report as SVG strings: narrow enough for a phone, in colours that follow light and dark."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from hairsplit.core.types import Estimate
from hairsplit.report._svg import COLOURS, DASHES, SERIES, canvas, series, style, to_svg

Panel = Literal["loss", "margin", "pair_accuracy", "lr"]
PANELS: dict[Panel, str] = {
    "loss": "Loss",
    "margin": "Margin: cosine of true − of hard negative",
    "pair_accuracy": "Pair accuracy, %",
    "lr": "Learning rate",
}
POINTS = 240
"""Points per training curve; longer logs are averaged in blocks."""
BINS = 48
LONGEST_LABEL = 44
LEGEND_ROW = 17.0
"""Height of a line of a legend, units."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DIAMOND: dict[str, Any] = {"ls": "", "marker": "D", "ms": 5.5, "mfc": "none", "mec": COLOURS["ink"], "mew": 1.3}


@dataclass(frozen=True)
class Bars:
    """One evaluation in `kind_bars`."""

    label: str
    estimates: Mapping[str, Estimate]
    """Kind -> pair accuracy, a share."""


@dataclass(frozen=True)
class Similarities:
    """The cosines of one evaluation, for `similarity_histograms`; each is [n], and may be empty."""

    label: str
    positive: ArrayLike
    negative: ArrayLike
    random: ArrayLike


def kind_bars(
    bars: Sequence[Bars],
    *,
    text_only: Mapping[str, Estimate | None] | None = None,
    name: str = "kinds",
    told: str = "Bars of pair accuracy by kind",
    level: str = "chance",
) -> str:
    """Shares, such as pair accuracy per kind: a bar per evaluation with its 95 % interval, chance, the blind reader.

    Args:
        bars: Kinds stand in the order of the first evaluation that has them.
        text_only: Kind -> what the text-only reader has.
        name: Prefix of the ids in the SVG.
        told: What the bars are, for those who do not see them.
        level: What `chance` of the estimates is called.
    """
    kinds = list(dict.fromkeys(kind for one in bars for kind in one.estimates))
    blind = {kind: estimate for kind, estimate in (text_only or {}).items() if estimate is not None and kind in kinds}
    handles = _kind_handles(bars, level, text_only=bool(blind))
    thick, gap, label = 12.0, 10.0, 16.0
    row = label + thick * len(bars) + gap
    top = 10 + LEGEND_ROW * _legend_lines([str(handle.get_label()) for handle in handles])
    foot = 24.0
    height = top + foot + row * len(kinds)
    with style():
        figure, (axes,) = canvas(height, top=top, bottom=foot, left=12)
        axes.set(xlim=(0, 100), ylim=(row * len(kinds), 0), yticks=[], xticks=range(0, 101, 25))
        axes.set_xticklabels([f"{tick} %" for tick in range(0, 101, 25)])
        axes.grid(visible=True, axis="x")
        for place, kind in enumerate(kinds):
            here = place * row + label
            axes.text(0, here - 4, short(kind), va="baseline")
            for order, one in enumerate(bars):
                _bar(axes, one.estimates.get(kind), here + thick * (order + 0.5), thick, series(order, len(bars)))
            _chance(axes, [one.estimates.get(kind) for one in bars], here, thick)
            if kind in blind:
                axes.plot([100 * blind[kind].value], [here + thick * len(bars) / 2], zorder=4, **_DIAMOND)
        legend(figure, handles, height)
        return to_svg(figure, name, _kinds_alt(told, bars, kinds))


def _kind_handles(bars: Sequence[Bars], level: str, *, text_only: bool) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [
        Patch(color=series(order, len(bars)), label=short(one.label, 24)) for order, one in enumerate(bars)
    ]
    handles.append(Line2D([], [], color=COLOURS["ink"], lw=1.2, ls=DASHES, label=level))
    if text_only:
        handles.append(Line2D([], [], label="text only", **_DIAMOND))
    return handles


def similarity_histograms(panels: Sequence[Similarities], *, name: str = "similarities") -> str:
    """Cosines of true captions, hard negatives and random captions, a panel per evaluation over a common axis.

    Each histogram has unit area, so that few random negatives compare with many pairs.
    """
    sides = ("positive", "negative", "random")
    words = {"positive": "true captions", "negative": "hard negatives", "random": "random captions"}
    values = [{side: _finite(getattr(panel, side)) for side in sides} for panel in panels]
    pooled = np.concatenate([cosines for panel in values for cosines in panel.values()] or [np.zeros(1)])
    low, high = (float(pooled.min()), float(pooled.max())) if len(pooled) else (-1.0, 1.0)
    span = max(high - low, 0.02)
    edges = np.linspace(low - 0.03 * span, high + 0.03 * span, BINS + 1)
    each, key, foot = 118.0, 30.0, 40.0
    height = key + foot + each * len(panels) + 22
    with style():
        figure, rows = canvas(height, len(panels), top=key + 22, bottom=foot, left=12)
        for axes, panel, cosines in zip(rows, panels, values, strict=True):
            axes.set_title(short(panel.label), pad=4)
            axes.set(yticks=[], xlim=(edges[0], edges[-1]))
            for side in sides:
                if len(cosines[side]):
                    colour = COLOURS[side]
                    density, _ = np.histogram(cosines[side], edges, density=True)
                    axes.stairs(density, edges, fill=True, color=colour, alpha=0.22)
                    axes.stairs(density, edges, color=colour, lw=1.5)
                    axes.axvline(float(cosines[side].mean()), color=colour, lw=1.2, ls=DASHES)
            axes.set_ylim(bottom=0)
        rows[-1].set_xlabel("cosine similarity of image and caption")
        shown = [side for side in sides if any(len(panel[side]) for panel in values)]
        handles: list[Patch | Line2D] = [Patch(color=COLOURS[side], alpha=0.7, label=words[side]) for side in shown]
        legend(figure, handles, height)
        means = [
            f"{panel.label}: " + ", ".join(f"{words[s]} {c[s].mean():.3f}" for s in sides if len(c[s]))
            for panel, c in zip(panels, values, strict=True)
        ]
        return to_svg(figure, name, f"Histograms of cosine similarity. Means: {'; '.join(means)}.")


def training_curves(
    train: Sequence[Mapping[str, Any]],
    validation: Sequence[Mapping[str, Any]] = (),
    *,
    panels: Sequence[Panel] = tuple(PANELS),
    best_step: int | None = None,
    name: str = "training",
) -> str:
    """Curves over optimiser steps, one panel below the other; `best_step` is marked by a line.

    Args:
        train: Rows with `step` and some of loss, margin, pair_accuracy (share), lr; a missing value leaves a gap.
        validation: The same, measured on held-out pairs; may be empty.
        panels: Which quantities; one that was never logged is shown empty and says so.
        best_step: Optimiser step of the checkpoint that was kept.
        name: Prefix of the ids in the SVG.
    """
    each, top, foot = 112.0, 46.0, 38.0
    height = top + foot + each * len(panels) + 62 * (len(panels) - 1)
    last = max([int(row["step"]) for row in (*train, *validation)], default=1)
    with style():
        figure, rows = canvas(height, len(panels), top=top, bottom=foot, left=40)
        told = []
        for axes, panel in zip(rows, panels, strict=True):
            axes.set_title(PANELS[panel], pad=5)
            axes.grid(visible=True, axis="y")
            axes.set_xlim(0, last * 1.02)
            told.append(_curve(axes, panel, train, validation))
            if best_step is not None and panel != "lr":
                axes.axvline(best_step, color=COLOURS["soft"], lw=1, ls=DASHES, zorder=1)
        rows[-1].set_xlabel("optimiser steps")
        handles: list[Patch | Line2D] = []
        if any(logged(train, panel) for panel in panels):
            handles.append(Line2D([], [], color=SERIES[0], lw=1.8, label="training batches"))
        if any(logged(validation, panel) for panel in panels):
            handles.append(Line2D([], [], color=SERIES[1], lw=1.8, marker="o", ms=4, label="validation"))
        if best_step is not None and tuple(panels) != ("lr",):
            handles.append(Line2D([], [], color=COLOURS["soft"], ls=DASHES, lw=1, label="best checkpoint"))
        legend(figure, handles, height)
        return to_svg(figure, name, f"Training curves over {last} steps. {' '.join(told)}")


def logged(rows: Sequence[Mapping[str, Any]], panel: Panel) -> bool:
    """Whether any row has a finite value of this quantity."""
    return bool(np.isfinite(_column(rows, panel)).any())


def _curve(
    axes: Axes, panel: Panel, train: Sequence[Mapping[str, Any]], validation: Sequence[Mapping[str, Any]]
) -> str:
    """Draw one panel; returns what it shows in words."""
    factor = 100.0 if panel == "pair_accuracy" else 1.0
    told = []
    for rows, colour, marker, word in ((train, SERIES[0], "", "training"), (validation, SERIES[1], "o", "validation")):
        if not logged(rows, panel):
            continue
        steps, values = _thinned(np.asarray([row["step"] for row in rows], np.float64), _column(rows, panel) * factor)
        axes.plot(steps, values, color=colour, lw=1.8, marker=marker, ms=4, zorder=3 if marker else 2)
        known = values[np.isfinite(values)]
        told.append(f"{word} from {known[0]:.3g} to {known[-1]:.3g}")
    if not told:
        axes.text(0.5, 0.5, "was not logged", transform=axes.transAxes, ha="center", color=COLOURS["soft"])
        axes.set_yticks([])
    elif panel == "lr":
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useOffset=False)
        axes.yaxis.get_offset_text().set(color=COLOURS["soft"], ha="right")
        axes.yaxis.offsetText.set_visible(False)
        top = max(float(np.nanmax(_column(train, panel))), 1e-12)
        power = math.floor(math.log10(top))
        axes.set_title(f"{PANELS[panel]}, ×10{str(power).translate(_RAISED)}", pad=5)
        axes.set_ylim(bottom=0)
    return f"{PANELS[panel]}: {', '.join(told) or 'not logged'}."


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    return np.asarray([math.nan if row.get(name) is None else row[name] for row in rows], np.float64)


def _thinned(
    steps: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means over blocks of equal length, at most `POINTS` of them; a block with a NaN shows a gap."""
    block = math.ceil(len(steps) / POINTS)
    if block <= 1:
        return steps, values
    starts = np.arange(0, len(steps), block)
    counts = np.diff(np.append(starts, len(steps)))
    return np.add.reduceat(steps, starts) / counts, np.add.reduceat(values, starts) / counts


def _bar(axes: Axes, estimate: Estimate | None, middle: float, thick: float, colour: str) -> None:
    if estimate is None:
        return
    axes.barh(middle, 100 * estimate.value, height=thick - 1.5, color=colour, zorder=2)
    if not (math.isnan(estimate.low) or math.isnan(estimate.high)):
        ends = [100 * estimate.low, 100 * estimate.high]
        axes.plot(ends, [middle, middle], color=COLOURS["ink"], lw=1.3, solid_capstyle="butt", zorder=3)


def _chance(axes: Axes, estimates: Sequence[Estimate | None], top: float, thick: float) -> None:
    """One line through all bars where their chance is the same, else one through each."""
    levels = [None if one is None else one.chance for one in estimates]
    same = len(set(levels) - {None}) == 1
    for order, level in [(0, next(one for one in levels if one is not None))] if same else enumerate(levels):
        if level is not None:
            ends = [top + thick * order, top + thick * (len(levels) if same else order + 1)]
            axes.plot([100 * level] * 2, ends, color=COLOURS["ink"], lw=1.2, ls=DASHES, zorder=3)


def _legend_lines(labels: Sequence[str]) -> int:
    """Lines that a legend of these labels fills, a colour patch being as wide as five letters."""
    per_line = max(1, min(len(labels), int(61 // (max([len(label) for label in labels], default=1) + 5))))
    if sum(len(label) + 5 for label in labels) <= 61:
        return 1
    return math.ceil(len(labels) / per_line)


def legend(figure: Figure, handles: Sequence[Patch | Line2D], height: float) -> None:
    """Entries along the top edge of the figure, in as many lines as they need."""
    if not handles:
        return
    lines = _legend_lines([str(handle.get_label()) for handle in handles])
    figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0 + 4 / height),
        ncols=math.ceil(len(handles) / lines),
        handlelength=1.3,
        columnspacing=1.1,
        borderpad=0.3,
        handletextpad=0.5,
    )


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, np.float64)
    return numbers[np.isfinite(numbers)]


def short(text: str, longest: int = LONGEST_LABEL) -> str:
    """A label of at most so many characters, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _kinds_alt(what: str, bars: Sequence[Bars], kinds: Sequence[str]) -> str:
    def told(kind: str) -> str:
        known = [(one.label, one.estimates[kind]) for one in bars if kind in one.estimates]
        return f"{kind}: " + ", ".join(f"{label} {100 * estimate.value:.1f} %" for label, estimate in known)

    return f"{what}. " + "; ".join(told(kind) for kind in kinds) + "."
