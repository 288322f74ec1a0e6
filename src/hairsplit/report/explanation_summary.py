"""The page of a table's explained margins: what they are made of, kind by kind, as bars with intervals and a table."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hairsplit.core.run import atomic_file
from hairsplit.core.types import Estimate
from hairsplit.report._svg import COLOURS, SERIES, canvas, embedded, style, to_svg
from hairsplit.report.figures import Bars, kind_bars, legend, short
from hairsplit.report.html import environment
from hairsplit.report.views import pretty

Record = Mapping[str, Any]
PARTS = {
    "on_blank_image": ("on the blank image", SERIES[0]),
    "with_image": ("with the image", SERIES[1]),
    "reference_shift": ("blanks of unequal length", SERIES[4]),
}
"""Column of a summary -> what its bars are called, and their colour."""
_MARGIN: Mapping[str, Any] = {"ls": "", "marker": "D", "ms": 5.5, "mfc": "none", "mec": COLOURS["ink"], "mew": 1.3}


def write_summary_page(record: Record, out: Path) -> Path:
    """Write the page of a summary (`summary.json` of `hairsplit explain --pairs`); returns `out`."""
    page = environment().get_template("explanation_summary.html.j2").render(view=summary_view(record))
    with atomic_file(out) as temporary:
        temporary.write_text(page, "utf-8")
    return out


def summary_view(record: Record) -> dict[str, Any]:
    """What the template shows, as plain values."""
    groups = kinds_of(record)
    heat = {kind: found for kind, part in groups.items() if (found := estimate(part["heat_inside"]))}
    return {
        "record": record,
        "overall": record["overall"],
        "unit": unit_of(record)[1],
        "rows": [_row(kind, part, unit_of(record)[0]) for kind, part in groups.items()],
        "margins": embedded(margin_bars(record)),
        "accuracies": embedded(accuracy_bars(record)),
        "heat": embedded(
            kind_bars([Bars("in the boxes", heat)], name="heat", told="Share of positive heat in the boxes by kind")
        )
        if heat
        else None,
        "settings": pretty(record["settings"]),
    }


def kinds_of(record: Record) -> dict[str, Any]:
    """Parts of a summary by kind, all pairs last where there are several kinds."""
    return {**record["kinds"], **({"all pairs": record["overall"]} if len(record["kinds"]) > 1 else {})}


def unit_of(record: Record) -> tuple[float, str]:
    """Factor from a summary's scores to what is shown, and its name."""
    return (1.0, "dot product") if record["settings"]["score"] == "dot" else (record["logit_scale"], "logits")


def estimate(tree: Mapping[str, Any] | None, factor: float = 1.0) -> Estimate | None:
    """A number of a summary, with ends that are unknown as NaN."""
    if tree is None:
        return None
    low, high = (math.nan if tree[end] is None else factor * tree[end] for end in ("low", "high"))
    return Estimate(factor * tree["value"], low, high, tree["n"], tree["chance"])


def accuracy_bars(record: Record, *, name: str = "accuracies") -> str:
    """How often the caption is preferred: on the blank image, which is no look at all, and with its image."""
    groups = kinds_of(record)
    bars = [
        Bars(label, {kind: made for kind, part in groups.items() if (made := estimate(part[column]))})
        for label, column in (("on the blank image", "blank_accuracy"), ("with the image", "pair_accuracy"))
    ]
    return kind_bars(bars, name=name, told="How often the true caption is preferred by kind")


def margin_bars(record: Record, *, name: str = "margins") -> str:
    """Mean margin per kind taken apart: bars with their 95 % intervals that add up to the diamond, the mean margin."""
    factor, unit = unit_of(record)
    groups = kinds_of(record)
    parts = [
        part
        for part in PARTS
        if part != "reference_shift" or any(group["indirect"] for group in record["kinds"].values())
    ]
    thick, gap, label, top, foot = 12.0, 10.0, 16.0, 44.0, 38.0
    row = label + thick * len(parts) + gap
    height = top + foot + row * len(groups)
    with style():
        figure, (axes,) = canvas(height, top=top, bottom=foot, left=12)
        told = []
        for place, (kind, group) in enumerate(groups.items()):
            here, words = place * row + label, []
            for order, part in enumerate(parts):
                made = estimate(group[part], factor)
                assert made is not None  # noqa: S101 - means are always there
                _bar(axes, made, here + thick * (order + 0.5), thick, PARTS[part][1])
                words.append(f"{PARTS[part][0]} {made.value:+.2f}")
            axes.plot([0, 0], [here, here + thick * len(parts)], color=COLOURS["ink"], lw=1.0, zorder=1)
            margin = factor * group["margin"]["value"]
            axes.plot([margin], [here + thick * len(parts) / 2], zorder=4, **_MARGIN)
            told.append(f"{kind}: {', '.join(words)}, margin {margin:+.2f}")
        axes.set(ylim=(row * len(groups), 0), yticks=[], xlabel=f"mean margin, {unit}")
        axes.grid(visible=True, axis="x")
        left = axes.get_xlim()[0]
        for place, kind in enumerate(groups):
            axes.text(left, place * row + label - 4, short(kind), va="baseline")
        axes.set_xlim(left=left)
        handles: list[Patch | Line2D] = [Patch(color=PARTS[part][1], label=PARTS[part][0]) for part in parts]
        handles.append(Line2D([], [], label="margin", **_MARGIN))
        legend(figure, handles, height)
        return to_svg(figure, name, f"Mean margins by kind and what they are made of, {unit}. {'; '.join(told)}.")


def _bar(axes: Axes, made: Estimate, middle: float, thick: float, colour: str) -> None:
    axes.barh(middle, made.value, height=thick - 1.5, color=colour, zorder=2)
    if not (math.isnan(made.low) or math.isnan(made.high)):
        axes.plot([made.low, made.high], [middle] * 2, color=COLOURS["ink"], lw=1.3, solid_capstyle="butt", zorder=3)


def _row(kind: str, part: Record, factor: float) -> dict[str, Any]:
    shares = ("pair_accuracy", "blank_accuracy", "blank_share", "blank_weight", "edited_share", "heat_inside")
    means = ("margin", "on_blank_image", "with_image")
    return {
        "kind": kind,
        "part": part,
        **{name: estimate(part[name]) for name in shares},
        **{name: estimate(part[name], factor) for name in means},
    }
