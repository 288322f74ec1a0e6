"""The picture of the README: pairs that `tiny` gets wrong and its fine-tuned copy right, and the table as bars.

Usage: python docs/readme_picture.py DEMO OUT.svg, where DEMO is the folder of `hairsplit demo`.

Of each kind the first pair (by id) that was a miss before and is a hit after, of pictures not shown yet: what changed,
not what is typical; that is in the bars.
"""

import difflib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from hairsplit.report._svg import COLOURS, SERIES, style
from hairsplit.report.evaluation_folder import Evaluation, read_evaluation

KINDS = ("relation", "role_swap", "attribute_swap", "count")
LINE = 27
"""Characters of a line below a picture."""


def changed(before: Evaluation, after: Evaluation) -> Iterator[int]:
    """One item of each of `KINDS`: a miss that became a hit."""
    if before.items.id != after.items.id:
        sys.exit("before and after are not of the same pairs")
    gained = (before.items.margin <= 0) & (after.items.margin > 0)
    shown: set[str] = set()
    for kind in KINDS:
        found = [n for n in np.flatnonzero(gained) if after.items.kind[n] == kind and after.items.image[n] not in shown]
        if found:
            shown.add(after.items.image[found[0]])
            yield int(found[0])


def edited(text: str, other: str) -> str:
    """A text in lines, with the words that the other one has not in angle brackets."""
    words, others = text.split(), other.split()
    marked = []
    for tag, start, end, _, _ in difflib.SequenceMatcher(None, words, others, autojunk=False).get_opcodes():
        part = " ".join(words[start:end])
        marked.append(part if tag == "equal" or not part else f"‹{part}›")
    return "\n".join(wrap(" ".join(filter(None, marked)), LINE))


def tile(axes: Axes, before: Evaluation, after: Evaluation, item: int) -> None:
    """A picture, its true caption and its negative, and by how much the true one wins, before and after."""
    with Image.open(after.images_root / after.items.image[item]) as image:
        axes.imshow(np.asarray(image.convert("RGB")))
    axes.set_axis_off()
    caption, negative = after.items.caption[item], after.items.negative[item]
    true, false = edited(caption, negative), edited(negative, caption)
    axes.set_title(after.items.kind[item].replace("_", " "), pad=6)
    lines = 0
    for text, colour in ((true, "positive"), (false, "negative")):
        axes.annotate(text, (0, 0), (0, -8 - 13 * lines), **_below(), color=COLOURS[colour])
        lines += text.count("\n") + 1
    margins = f"true minus false: {before.items.margin[item]:+.3f} → {after.items.margin[item]:+.3f}"
    axes.annotate(margins, (0, 0), (0, -10 - 13 * lines), **_below(), color=COLOURS["soft"])


def _below() -> dict[str, object]:
    return {"xycoords": "axes fraction", "textcoords": "offset points", "va": "top", "fontsize": 9, "linespacing": 1.25}


def bars(axes: Axes, evaluations: Sequence[Evaluation]) -> None:
    """Pair accuracy of each kind with its 95 % interval, a bar per model."""
    kinds = [*evaluations[0].kinds][::-1]
    for order, one in enumerate(evaluations):
        found = [one.kinds[kind].estimates["pair_accuracy"] for kind in kinds]
        values = 100 * np.array([estimate.value for estimate in found])
        ends = 100 * np.array([[estimate.low for estimate in found], [estimate.high for estimate in found]])
        places = np.arange(len(kinds)) + 0.19 - 0.38 * order
        axes.barh(places, values, 0.34, color=SERIES[order], label=("tiny", "fine-tuned")[order])
        axes.errorbar(
            values, places, xerr=np.abs(ends - values), fmt="none", ecolor=COLOURS["ink"], elinewidth=1, capsize=2
        )
    axes.axvline(50, color=COLOURS["soft"], linewidth=0.8, linestyle=(0, (3, 2)))
    axes.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
    axes.set_xlim(0, 100)
    axes.set_xlabel("pair accuracy in %, dashed: chance")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def main(demo: Path, out: Path) -> None:
    """Draw it."""
    before, after = read_evaluation(demo / "before", "tiny"), read_evaluation(demo / "after", "fine-tuned")
    with style():
        figure = Figure(figsize=(9.6, 5.3), facecolor=COLOURS["card"])
        FigureCanvasSVG(figure)
        grid = figure.add_gridspec(
            2, 4, left=0.01, right=0.98, top=0.93, bottom=0.2, hspace=1.2, wspace=0.35, width_ratios=[1, 1, 0.3, 1.35]
        )
        for place, item in enumerate(changed(before, after)):
            tile(figure.add_subplot(grid[place // 2, place % 2]), before, after, item)
        bars(figure.add_subplot(grid[:, 3]), (before, after))
        figure.savefig(out, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
