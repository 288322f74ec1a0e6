"""Two models' explanations of one pair as one still picture: A, B and B less A, with one colour scale, in logits."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from hairsplit.core.attribution import Contrast, Floats, Span
from hairsplit.report._svg import COLOURS, style
from hairsplit.report.explanation import Explanation, by_group, groups, sides, span_text
from hairsplit.report.explanation_figure import (
    WIDTH,
    Cell,
    bare,
    draw_heat,
    draw_legend,
    draw_picture,
    save_figure,
    shrunk,
    titles_of,
)
from hairsplit.report.explanation_versus import DIFFERENCE, compared, part_rows, told_sides, word_rows
from hairsplit.report.heat import NEGATIVE, POSITIVE, css

COLUMNS = 5
"""Words beside each other, each with its three pictures below each other."""
MOST = 20
"""Words in all, the whole and the spans counted: the strongest."""
_BAR, _CELL, _BLOCK, _NAMES = 17.0, 124.0, 3 * 148.0 + 26, 220.0
_WHICH = ("first", "second", "difference")
_PANELS = ("A", "B", DIFFERENCE)
_Named = tuple[str, Floats]


def write_versus_figure(
    both: tuple[Explanation, Explanation],
    names: tuple[str, str],
    image: Image.Image,
    out: Path,
    spans: Sequence[Span] = (),
) -> None:
    """Draw two models beside each other; the ending of `out` says whether as .png or .svg. Same inputs, same bytes.

    Args:
        both: Of model A and of model B, of the same pair.
        names: Of the models.
        image: The whole picture, upright RGB.
        out: The file; replaced if it exists.
        spans: Words of the caption to show as one.

    Raises:
        HairsplitError: See `compared`; or the caption has no such words, or has them more than once.
    """
    with style():
        save_figure(_drawn(both, names, image, spans), out)


def _drawn(
    both: tuple[Explanation, Explanation], names: tuple[str, str], image: Image.Image, spans: Sequence[Span]
) -> Figure:
    small, factors = shrunk(image), compared(*both)[0].factors
    parts = part_rows(*both, factors)
    words = [row for row in word_rows(*both, factors) if row["first"] or row["second"]]
    shown = strongest(threes(both, factors, spans))
    limit = max([float(np.abs(heats).max()) for _, heats in shown], default=0.0) or 1.0
    titles = [*titles_of(both[0]), *(f"{letter}: {name}" for letter, name in zip("AB", names, strict=True))]
    top_of_sum, sum_height = 26 + 19 * len(titles) + 14, max(176.0, _BAR * len(parts) + 40)
    top_of_words = top_of_sum + sum_height + 24
    top_of_heats = top_of_words + _BAR * len(words) + 84
    height = top_of_heats + _BLOCK * math.ceil(len(shown) / COLUMNS) + 46
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    FigureCanvasAgg(figure)

    def axes(left: float, top: float, width: float, tall: float) -> Axes:
        return figure.add_axes((left / WIDTH, 1 - (top + tall) / height, width / WIDTH, tall / height))

    def three(left: float, top: float, rows: int) -> list[Axes]:
        width = (WIDTH - 16 - left) / 3
        return [axes(left + n * width, top + 20, width - 12, _BAR * max(1, rows)) for n in range(3)]

    def heading(top: float, text: str) -> None:
        figure.text(16 / WIDTH, 1 - (top - 2) / height, text, size=11, color=COLOURS["soft"])

    for number, line in enumerate(titles):
        size = 12.5 if number == 0 else 11.5
        figure.text(16 / WIDTH, 1 - (26 + 19 * number) / height, shorten(line, 108, placeholder=" …"), size=size)
    draw_picture(axes(16, top_of_sum, 160, 160), small)
    _bars(three(176 + _NAMES, top_of_sum, len(parts)), parts, "name")
    heading(
        top_of_words, "What each word and the whole image add together, class token included, in each model's logits"
    )
    _bars(three(_NAMES, top_of_words + 10, len(words)), words, "word")
    heading(top_of_heats - 16, _heading(both[0], len(shown)))
    for number, (label, heats) in enumerate(shown):
        block, column = divmod(number, COLUMNS)
        for row, heat in enumerate(heats):
            place = 50 + column * 141, top_of_heats + block * _BLOCK + 18 + row * 148
            cell = Cell(label if row == 0 else "", heat, sides(both[0])[0].parts)
            draw_heat(axes(*place, _CELL, _CELL), cell, small, image.size, limit, told=logits)
            if column == 0:
                middle = 1 - (place[1] + _CELL / 2) / height
                figure.text(8 / WIDTH, middle, _PANELS[row], size=11, va="center", weight="bold")
    draw_legend(axes(WIDTH - 326, height - 32, 280, 9), limit, logits)
    return figure


def threes(
    both: tuple[Explanation, Explanation], factors: tuple[float, float], spans: Sequence[Span]
) -> list[tuple[str, Floats]]:
    """Heats [3, rows, columns] of A, of B and of B less A: of all words, of the spans, then of each word."""
    found = []
    for mine, theirs in zip(*(_heats(one, spans) for one in both), strict=True):
        for (name, one), (_, other) in zip(mine, theirs, strict=False):
            first, second = factors[0] * one, factors[1] * other
            found.append((name, np.stack([first, second, second - first])))
    return found


def strongest(shown: list[tuple[str, Floats]]) -> list[tuple[str, Floats]]:
    """What is not 0 everywhere, the strongest `MOST` of it, in the order that it had; the first one always."""
    size = [float(np.abs(heats).sum((1, 2)).max()) for _, heats in shown]
    size[0] = math.inf
    kept = sorted(range(len(shown)), key=lambda n: (-size[n], n))[:MOST]
    return [shown[n] for n in sorted(kept) if size[n]]


def _heats(explanation: Explanation, spans: Sequence[Span]) -> list[list[_Named]]:
    """The whole with the spans, then the words of each sum; those of a negative of another length with a minus."""
    told = told_sides(explanation)
    signs = [-1.0 if side.name == "negative" else 1.0 for side in told]
    whole = np.sum([sign * side.parts.heat() for sign, side in zip(signs, told, strict=True)], axis=0)
    first = told[0].parts
    marked = [(f"“{span_text(first, span)}”", first.heat(span)) for span in spans]
    found: list[list[_Named]] = [[("all words" if len(told) == 1 else "caption − negative", whole), *marked]]
    for sign, side in zip(signs, told, strict=True):
        names, heats = groups(side.parts)[0], by_group(side.parts, side.parts.values)
        minus = "" if sign > 0 else "− "
        found.append([(minus + name, sign * heat) for name, heat in zip(names, heats, strict=True)])
    return found


def _heading(explanation: Explanation, count: int) -> str:
    what = "to the margin together" if isinstance(explanation, Contrast) else "together"
    left_out = ""
    if count == MOST:
        left_out = f"; the strongest {MOST} are shown"
    elif isinstance(explanation, Contrast) and explanation.direct is not None:
        left_out = "; words that are not shown add exactly 0"
    return f"What each word and each patch add {what}{left_out}"


def _bars(panels: Sequence[Axes], rows: Sequence[Mapping[str, Any]], key: str) -> None:
    """A bar and a number for each row, in three panels with one scale."""
    places = range(len(rows))
    largest = max([abs(row[which]) for row in rows for which in _WHICH], default=0.0) or 1.0
    for panel, axes, which in zip(_PANELS, panels, _WHICH, strict=True):
        values = [row[which] for row in rows]
        colours = [css(POSITIVE if value >= 0 else NEGATIVE) for value in values]
        axes.barh(places, values, height=0.62, color=colours)
        axes.axvline(0, color=COLOURS["soft"], lw=0.8)
        axes.set_xlim(-1.1 * largest, 2.8 * largest)  # numbers stand to the right of the bars
        axes.set_ylim(max(1, len(rows)) - 0.4, -0.6)
        axes.set_title(panel, pad=6, weight="bold")
        bare(axes)
        for place, value in zip(places, values, strict=True):
            axes.text(1, place, logits(value), size=10, ha="right", va="center", transform=axes.get_yaxis_transform())
    for place, row in zip(places, rows, strict=True):
        move = panels[0].get_yaxis_transform()
        panels[0].text(-0.04, place, shorten(row[key], 34, placeholder="…"), ha="right", va="center", transform=move)


def logits(value: float) -> str:
    """Three decimals and a sign."""
    return f"{value:+.3f}".replace("-", "−") if round(value, 3) else "0"
