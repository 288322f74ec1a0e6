"""The figures of an audit as SVG strings: what blind readers reach, lengths, edit sizes, one-sided words."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hairsplit.core.types import Estimate
from hairsplit.report._svg import COLOURS, DASHES, SERIES, canvas, style, to_svg
from hairsplit.report.figures import legend, short

_MARKS = ("o", "s", "D", "^")


def blind_dots(kinds: Mapping[str, Mapping[str, Estimate]], readers: Sequence[str], *, name: str = "blind") -> str:
    """Per kind, what each blind reader reaches with its 95 % interval; the dashed line is chance.

    Args:
        kinds: Kind -> reader -> share; in the order to be drawn.
        readers: Readers in the order of the legend, at most four.
        name: Prefix of the ids in the SVG.
    """
    label, step, gap, top, foot = 17.0, 8.0, 9.0, 30.0, 26.0
    row = label + step * len(readers) + gap
    height = top + foot + row * len(kinds)
    lowest = min([_low(one) for found in kinds.values() for one in found.values()], default=50.0)
    start = 25 if lowest >= 25 else 0
    with style():
        figure, (axes,) = canvas(height, top=top, bottom=foot, left=12)
        axes.set(xlim=(start, 100), ylim=(row * len(kinds), 0), yticks=[])
        axes.set_xticks(range(start, 101, 25), [f"{tick} %" for tick in range(start, 101, 25)])
        axes.grid(visible=True, axis="x")
        for place, (kind, found) in enumerate(kinds.items()):
            here = place * row + label
            axes.plot([50, 50], [here, here + step * len(readers)], color=COLOURS["ink"], lw=1.2, ls=DASHES, zorder=1)
            axes.text(start, here - 4, short(kind), va="baseline")
            for order, reader in enumerate(readers):
                if (one := found.get(reader)) is None:
                    continue
                middle, colour = here + step * (order + 0.5), SERIES[1 + order]
                if one.low == one.low:  # nan: the interval is unknown
                    axes.plot([100 * one.low, 100 * one.high], [middle] * 2, color=colour, lw=1.6, zorder=2)
                axes.plot(
                    [100 * one.value],
                    [middle],
                    marker=_MARKS[order],
                    ms=5,
                    color=colour,
                    ls="",
                    zorder=3,
                    clip_on=False,
                )
        handles: list[Patch | Line2D] = [
            Line2D([], [], color=SERIES[1 + n], marker=_MARKS[n], ms=5, lw=1.6, label=reader)
            for n, reader in enumerate(readers)
        ]
        handles.append(Line2D([], [], color=COLOURS["ink"], lw=1.2, ls=DASHES, label="chance"))
        legend(figure, handles, height)
        told = "; ".join(
            f"{kind}: " + ", ".join(f"{reader} {100 * one.value:.1f} %" for reader, one in found.items())
            for kind, found in kinds.items()
        )
        return to_svg(figure, name, f"How often readers blind to the image take the true caption. {told}.")


def _low(estimate: Estimate) -> float:
    return 100 * (estimate.low if estimate.low == estimate.low else estimate.value)


def length_bars(longer_by: Mapping[str, int], *, name: str = "lengths") -> str:
    """Pairs by how many words the caption is longer than the negative; the ends hold all that lie beyond."""
    steps = [int(step) for step in longer_by]
    height, last = 190.0, max(steps)
    with style():
        figure, (axes,) = canvas(height, top=14, bottom=40, left=44)
        colours = [COLOURS["positive"] if s > 0 else COLOURS["negative"] if s < 0 else COLOURS["random"] for s in steps]
        axes.bar(steps, list(longer_by.values()), width=0.8, color=colours)
        axes.set_xlabel("words of the true caption − of the negative")
        ticks = [-last, -last // 2, 0, last // 2, last]
        axes.set_xticks(ticks, [f"≤ −{last}", f"−{last // 2}", "0", f"+{last // 2}", f"≥ +{last}"])
        _counts_axis(axes)
        shown = ", ".join(
            f"{step:+d}: {count:,}" for step, count in zip(steps, longer_by.values(), strict=True) if count
        )
        return to_svg(figure, name, f"Pairs by difference of length in words. {shown}.")


def edit_bars(sizes: Mapping[str, int], *, name: str = "edits") -> str:
    """Pairs by edit size: tokens inserted, deleted or replaced."""
    height = 190.0
    with style():
        figure, (axes,) = canvas(height, top=14, bottom=40, left=44)
        axes.bar(range(len(sizes)), list(sizes.values()), width=0.8, color=SERIES[1])
        axes.set_xticks(range(len(sizes)), [label.replace(" or more", "+") for label in sizes])
        axes.set_xlabel("tokens that differ")
        _counts_axis(axes)
        shown = ", ".join(f"{label}: {count:,}" for label, count in sizes.items())
        return to_svg(figure, name, f"Pairs by edit size in tokens. {shown}.")


def _counts_axis(axes: Any) -> None:
    axes.grid(visible=True, axis="y")
    axes.yaxis.set_major_locator(_whole())
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")


def _whole() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4, integer=True)


def word_bars(words: Sequence[Mapping[str, Any]], *, most: int = 20, name: str = "words") -> str:
    """Words by how many pairs hold them on one side only: true caption to the right, negative to the left."""
    shown = list(words[:most])
    row, top, foot = 17.0, 30.0, 40.0
    height = top + foot + row * max(len(shown), 1)
    with style():
        figure, (axes,) = canvas(height, top=top, bottom=foot, left=92)
        for place, word in enumerate(shown):
            axes.barh(place, word["caption_only"], height=0.7, color=COLOURS["positive"])
            axes.barh(place, -word["negative_only"], height=0.7, color=COLOURS["negative"])
        widest = max([max(word["caption_only"], word["negative_only"]) for word in shown], default=1)
        axes.set(xlim=(-widest * 1.05, widest * 1.05), ylim=(len(shown) - 0.5, -0.5))
        axes.set_yticks(range(len(shown)), [short(word["word"], 14) for word in shown])
        axes.axvline(0, color=COLOURS["ink"], lw=1)
        axes.grid(visible=True, axis="x")
        axes.xaxis.set_major_locator(_whole())
        axes.xaxis.set_major_formatter(lambda value, _place: f"{abs(value):,.0f}")
        axes.set_xlabel("pairs that hold the word on one side only")
        handles: list[Patch | Line2D] = [
            Patch(color=COLOURS["negative"], label="in the negative"),
            Patch(color=COLOURS["positive"], label="in the true caption"),
        ]
        legend(figure, handles, height)
        told = ", ".join(f"{w['word']} {w['caption_only']:,} true, {w['negative_only']:,} negative" for w in shown)
        return to_svg(figure, name, f"Words on one side only. {told}.")
