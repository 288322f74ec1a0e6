"""An explanation as one still picture: the sum of its parts, a bar for each word, a heat for each word."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten, wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from hairsplit.core.attribution import Attribution, Contrast, Floats, Span
from hairsplit.core.run import atomic_file
from hairsplit.report._svg import COLOURS, style
from hairsplit.report.explanation import (
    Explanation,
    Row,
    by_group,
    groups,
    limit_of,
    sides,
    span_text,
    sum_of,
    told_rows,
)
from hairsplit.report.heat import NEGATIVE, POSITIVE, css, faded, seen, shaded
from hairsplit.report.wording import cosine

WIDTH = 760.0
"""Units (CSS pixels) of the figure."""
DOTS = 96
"""Dots per inch of the PNG, at 72 units per inch."""
COLUMNS = 6
"""Small pictures beside each other."""
MOST = 36
"""Small pictures in all: those of the strongest words."""
_CELL, _BAR, _TOP, _HEAD = 144.0, 17.0, 176.0, 52.0
_SHOWN = 320
"""Longest side of the picture, pixels."""
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
}
_SAVE: dict[str, dict[str, Any]] = {"png": {"pil_kwargs": {"optimize": True}}, "svg": {}}


@dataclass(frozen=True)
class Cell:
    """A small picture."""

    label: str
    heat: Floats
    """[rows, columns]."""
    one: Attribution
    """Whose patches they are."""


def write_figure(explanation: Explanation, image: Image.Image, out: Path, spans: Sequence[Span] = ()) -> None:
    """Draw an explanation; the ending of `out` says whether as .png or .svg. Same inputs give the same bytes."""
    with style():
        save_figure(_drawn(explanation, image, spans), out)


def save_figure(figure: Figure, out: Path) -> None:
    """Write a figure as its ending says, .png or .svg, the same bytes each time; call it within `style()`."""
    kind = out.suffix.removeprefix(".")
    with atomic_file(out) as temporary:
        figure.savefig(temporary, format=kind, dpi=DOTS, facecolor="white", metadata=_METADATA[kind], **_SAVE[kind])


def shrunk(image: Image.Image) -> Image.Image:
    """A copy no larger than is shown."""
    small = image.copy()
    small.thumbnail((_SHOWN, _SHOWN), Image.Resampling.LANCZOS)
    return small


def _drawn(explanation: Explanation, image: Image.Image, spans: Sequence[Span]) -> Figure:
    small = shrunk(image)
    rows, limit = told_rows(explanation), limit_of(explanation, spans)
    cells = list(_cells(explanation, spans))
    titles = titles_of(explanation)
    head = _HEAD + 17 * (len(titles) - 1)
    bars = _BAR * len(rows) + 58
    lines = math.ceil(len(cells) / COLUMNS)
    height = head + _TOP + bars + 40 + lines * _CELL + 46
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    FigureCanvasAgg(figure)

    def axes(left: float, top: float, width: float, tall: float) -> Axes:
        return figure.add_axes((left / WIDTH, 1 - (top + tall) / height, width / WIDTH, tall / height))

    for number, line in enumerate(titles):
        figure.text(16 / WIDTH, 1 - (26 + 19 * number) / height, line, size=12.5 if number == 0 else 11.5)
    draw_picture(axes(16, head, 160, 160), small)
    _waterfall(axes(420, head + 4, 300, 140), explanation)
    _bars(axes(180, head + _TOP + 24, 540, _BAR * len(rows)), rows)
    top = head + _TOP + bars + 40
    figure.text(16 / WIDTH, 1 - (top - 18) / height, _heading(explanation), size=11, color=COLOURS["soft"])
    for number, cell in enumerate(cells):
        row, column = divmod(number, COLUMNS)
        draw_heat(
            axes(16 + column * 122, top + row * _CELL + 16, 112, 112), cell, small, image.size, limit, told=_number
        )
    draw_legend(axes(WIDTH - 326, height - 32, 280, 9), limit, _number)
    return figure


def titles_of(explanation: Explanation) -> list[str]:
    """The caption, and what it is held against, in lines that fit."""
    found = wrap(explanation.caption, 100, max_lines=2, placeholder=" …")
    if isinstance(explanation, Contrast):
        found += [f"against: {line}" for line in wrap(explanation.negative, 92, max_lines=1, placeholder=" …")]
    return found


def _heading(explanation: Explanation) -> str:
    if isinstance(explanation, Contrast) and explanation.direct is not None:
        return "What each word and each patch add to the margin together; words that are not shown add exactly 0"
    return "What each word and each patch add together"


def _cells(explanation: Explanation, spans: Sequence[Span]) -> Iterator[Cell]:
    """Whole captions, spans, then words in their order, as many as there is room for."""
    named = sides(explanation)
    margin = named[0].name == "margin"
    for side in named[:1] if margin else named:
        one = side.parts
        minus = "− " if side.name == "negative" else ""
        whole = "all words" if len(named) == 1 or margin else f"{minus}all of the {side.name}"
        yield Cell(whole, -one.heat() if minus else one.heat(), one)
        if side.name != "negative":
            for span in spans:
                yield Cell(f"“{span_text(one, span)}”", one.heat(span), one)
        heats, (names, _) = by_group(one, one.values), groups(one)
        size = np.abs(heats).sum((1, 2))
        kept = set(np.argsort(-size, kind="stable")[:MOST].tolist())
        for number, (name, heat) in enumerate(zip(names, heats, strict=True)):
            if number in kept and (size[number] > 0 or not margin):
                yield Cell(minus + name, -heat if minus else heat, one)
        if not margin and len(named) == 1:
            yield Cell("image with a blank caption", one.image_main, one)


def bare(axes: Axes) -> None:
    """Without ticks."""
    axes.set_xticks([])
    axes.set_yticks([])


def draw_picture(axes: Axes, small: Image.Image) -> None:
    """The picture itself."""
    axes.imshow(np.asarray(small), interpolation="none")
    bare(axes)


def _waterfall(axes: Axes, explanation: Explanation) -> None:
    whole = sum_of(explanation)
    shown, total = whole.rounded()
    at = 0.0
    for place, (name, value) in enumerate(shown):
        axes.barh(place, value, left=at, height=0.62, color=css(POSITIVE if value >= 0 else NEGATIVE))
        at += value
        axes.plot([at, at], [place - 0.31, place + 1.31], color=COLOURS["soft"], lw=0.8)
        _named(axes, place, name, value)
    axes.barh(len(shown), total, height=0.62, color=COLOURS["ink"])
    _named(axes, len(shown), whole.name, total, weight="bold")
    axes.axvline(0, color=COLOURS["rule"], lw=1)
    axes.set_ylim(len(shown) + 0.6, -0.6)
    bare(axes)


def _named(axes: Axes, place: float, name: str, value: float, weight: str = "normal") -> None:
    move = axes.get_yaxis_transform()
    size = {"size": 10.5, "va": "center", "transform": move, "weight": weight}
    axes.text(-0.22, place, name, ha="right", **size)  # type: ignore[arg-type]
    axes.text(-0.02, place, _number(value), ha="right", **size)  # type: ignore[arg-type]


def _bars(axes: Axes, rows: Sequence[Row]) -> None:
    places = np.arange(len(rows))
    alone, together = (np.array([getattr(row, name) for row in rows]) for name in ("alone", "together"))
    axes.barh(places - 0.2, alone, height=0.34, color=COLOURS["series-0"], label="on the blank image")
    colours = [css(POSITIVE if value >= 0 else NEGATIVE) for value in together]
    axes.barh(places + 0.2, together, height=0.34, color=colours, label="with this image, its class token included")
    axes.axvline(0, color=COLOURS["soft"], lw=0.8)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    labels = [shorten(row.word, 22, placeholder="…") for row in rows]
    axes.set_yticks(places, labels, color=COLOURS["ink"])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.changed else "normal")
    axes.grid(axis="x")
    axes.set_title("What each word adds: on the blank image (grey), with this image (coloured)", pad=8)


def draw_heat(
    axes: Axes,
    cell: Cell,
    small: Image.Image,
    size: tuple[int, int],
    limit: float,
    *,
    told: Callable[[float], str],
) -> None:
    """Heat over the faded picture, its words above and its sum below.

    Args:
        axes: Where.
        cell: What.
        small: The picture, `shrunk`.
        size: Width and height of the whole one, pixels, in which patches have their places.
        limit: What either end of the colour scale stands for.
        told: Writes a number.
    """
    width, height = size
    axes.imshow(np.asarray(faded(small)), interpolation="none", extent=(0, width, height, 0))
    left, top, across, down = seen(cell.one.view)
    heat = shaded(cell.heat, limit)
    axes.imshow(heat, interpolation="none", extent=(left, left + across, top + down, top))
    axes.add_patch(Rectangle((left, top), across, down, fill=False, ec=COLOURS["rule"], lw=0.8))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bare(axes)
    total = float(cell.heat.sum(dtype=np.float64))
    axes.set_title(shorten(cell.label, 24, placeholder="…"), size=10, pad=4)
    axes.set_xlabel(told(total), size=9, labelpad=3)


def draw_legend(axes: Axes, limit: float, told: Callable[[float], str]) -> None:
    """The colour scale with its ends."""
    ends: list[tuple[float, float, float]] = [
        (colour[0] / 255, colour[1] / 255, colour[2] / 255) for colour in (NEGATIVE, POSITIVE)
    ]
    scale = LinearSegmentedColormap.from_list("diverging", [ends[0], (1, 1, 1), ends[1]])
    figure = axes.get_figure()
    assert isinstance(figure, Figure)  # noqa: S101 - it was made by one
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), scale), cax=axes, orientation="horizontal")
    bar.set_ticks([-limit, 0, limit], labels=[told(-limit), "0", told(limit)])
    bar.ax.tick_params(labelsize=9)


def _number(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−") if value else cosine(0.0)
