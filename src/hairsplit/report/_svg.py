"""Turn a matplotlib figure into inline SVG: same bytes each time, in colours that follow the page's scheme."""

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from html import escape

import matplotlib.style
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH = 360
"""Units (CSS pixels at full size) of every figure: narrow, so that its text stays legible on a phone."""

# Each colour stands for a CSS variable of the page (styles.css); the value is what shows where there is no such page.
COLOURS = {
    "ink": "#1d2530",
    "soft": "#5a6675",
    "rule": "#d9dee6",
    "series-0": "#8a96a8",
    "series-1": "#2f6fde",
    "series-2": "#0f8a7d",
    "series-3": "#8455c8",
    "series-4": "#b7791f",
    "positive": "#1f8a5b",
    "negative": "#d1591b",
    "random": "#7b8796",
    "card": "#ffffff",
}
SERIES = tuple(COLOURS[name] for name in COLOURS if name.startswith("series-"))
DASHES = (0, (3, 2))
"""Of lines that are no measurement: chance, a mean, a step."""
_STYLE = {
    "svg.hashsalt": "hairsplit",
    "svg.fonttype": "none",  # text stays text: selectable, small, and in the page's own font
    "text.parse_math": False,  # a dollar sign in a kind's name is a dollar sign
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same layout on every machine
    "font.size": 11.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": COLOURS["rule"],
    "axes.labelcolor": COLOURS["soft"],
    "axes.titlesize": 11.0,
    "axes.titlelocation": "left",
    "axes.titlecolor": COLOURS["ink"],
    "axes.axisbelow": True,
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 0.8,
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["rule"],
    "xtick.labelcolor": COLOURS["soft"],
    "ytick.color": COLOURS["rule"],
    "ytick.labelcolor": COLOURS["soft"],
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "lines.solid_capstyle": "round",
}


def series(order: int, of: int) -> str:
    """The colour of one of several things: the first is the grey baseline, but one alone is no baseline."""
    return SERIES[1] if of == 1 else SERIES[0] if order == 0 else SERIES[1 + (order - 1) % (len(SERIES) - 1)]


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The look of all figures, whatever the user's matplotlibrc says; settings are put back afterwards."""
    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        # Glyphs that DejaVu lacks (a Chinese kind name) are drawn by the browser, so the warning is beside the point.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def canvas(height: float, rows: int = 1, *, top: float, bottom: float, left: float) -> tuple[Figure, list[Axes]]:
    """A figure of `WIDTH` x `height` units with `rows` axes below each other; margins in units."""
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    FigureCanvasSVG(figure)
    grid = figure.add_gridspec(
        rows,
        1,
        left=left / WIDTH,
        right=1 - 22 / WIDTH,
        top=1 - top / height,
        bottom=bottom / height,
        hspace=0.55,
    )
    return figure, [figure.add_subplot(grid[row]) for row in range(rows)]


def embedded(svg: str) -> Markup:
    """A picture of `to_svg`, to stand in a page as it is."""
    return Markup(svg)  # noqa: S704 - matplotlib escapes what it writes


def to_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an `<svg>` element to be put into HTML.

    Args:
        figure: Drawn inside `style()`.
        name: Prefix of all ids, so that several figures can stand on one page.
        alt: What the picture shows, for those who do not see it.
    """
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    for variable, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{variable}, {colour})")
    box = f"0 0 {WIDTH} {figure.get_figheight() * 72:g}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}" '
    return head + f'role="img" aria-label="{escape(alt)}">' + text[text.index(">") + 1 :].strip()
