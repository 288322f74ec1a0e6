"""An explanation as one self-contained page: words, patches and sums to point at; readable without its script, too."""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from hairsplit.core.attribution import Attribution, Contrast, Floats, Span, find_span
from hairsplit.core.run import atomic_file
from hairsplit.report.explanation import (
    Explanation,
    Row,
    Side,
    by_group,
    groups,
    limit_of,
    notes_of,
    parts_of,
    peak,
    side_rows,
    sides,
    span_text,
    sum_of,
    told_rows,
)
from hairsplit.report.heat import NEGATIVE, POSITIVE, STRONGEST, backdrop, css, heat_uri, seen
from hairsplit.report.html import environment
from hairsplit.report.wording import MINUS

_ARRAYS = ("values", "class_values", "text_main", "image_main")
_FACTS = {
    "model": "Model",
    "text_layer": "Words told apart at the input of text block",
    "image_layer": "Patches told apart at the input of image block",
    "text_reference": "Blank caption",
    "image_reference": "Blank image",
    "score": "Score",
    "tolerance": "Tolerance of the integrals",
}


def write_page(explanation: Explanation, image: Image.Image, out: Path, spans: Sequence[Span] = ()) -> None:
    """Write the page of an explanation; same inputs give the same bytes.

    Args:
        explanation: Of a score or of a margin.
        image: The whole picture, upright RGB.
        out: The HTML file; replaced if it exists.
        spans: Words whose heat is shown from the start.

    Raises:
        HairsplitError: The caption has no such words, or has them more than once.
    """
    limit, shown = limit_of(explanation, spans), sides(explanation)
    first = shown[0].parts
    write_scripted(
        "explanation.html.j2",
        _data(explanation, limit, spans),
        out,
        explanation=explanation,
        contrast=isinstance(explanation, Contrast),
        backdrop=backdrop(image),
        width=image.width,
        height=image.height,
        frame=seen(first.view),
        sum=_sum(explanation),
        bars=_bars(told_rows(explanation)),
        views=[_view(explanation, side, limit, spans) for side in shown],
        notes=notes_of(explanation),
        facts=_facts(first),
        limit=limit,
        units=units_of(first, limit),
        colours=(css(NEGATIVE), css(POSITIVE)),
        signed=signed,
    )


def write_scripted(template: str, data: Any, out: Path, **shown: Any) -> None:
    """Write a page with the script of explanations, and what that works with.

    Args:
        template: Its file among the templates.
        data: For the script.
        out: The HTML file; replaced if it exists.
        shown: What the template takes.
    """
    script = files("hairsplit.report").joinpath("templates/explanation.js").read_text("utf-8")
    page = (
        environment()
        .get_template(template)
        .render(
            **shown,
            script=Markup(script),  # noqa: S704 - it is ours
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
            data=Markup(_for_script(data)),  # noqa: S704 - no "<" is left in it
        )
    )
    with atomic_file(out) as temporary:
        temporary.write_text(page, "utf-8", newline="\n")


def signed(value: float) -> str:
    """Four decimals and a sign: "+0.1234"; 0 is "0"."""
    return f"{value:+.4f}".replace("-", MINUS) if value else "0"


def _data(explanation: Explanation, limit: float, spans: Sequence[Span]) -> dict[str, Any]:
    """What the script works with: numbers by token and patch, as they are in the .npz."""
    first = sides(explanation)[0].parts
    return {
        "models": 1,
        "units": units_of(first, limit),
        "strongest": STRONGEST,
        "colours": [css(NEGATIVE), css(POSITIVE)],
        "rows": first.view.rows,
        "columns": first.view.columns,
        "span": [list(find_span(first.caption, first.tokens, span)) for span in spans[:1]],
        "views": [view_data(side, factors_of(side.parts)) for side in sides(explanation)],
    }


def factors_of(one: Attribution) -> list[float]:
    """From the score to each of `units_of`; a dot product has one unit only."""
    return [1.0] if one.config.get("score") == "dot" else [1.0, one.logit_scale]


def units_of(one: Attribution, limit: float) -> list[dict[str, Any]]:
    """Units that the page can be read in, with their digits and the end of the colour scale."""
    named = (("cosine" if len(factors_of(one)) > 1 else "dot product", 4), ("logits", 3))
    return [
        {"name": name, "digits": digits, "limit": limit * factor}
        for (name, digits), factor in zip(named, factors_of(one), strict=False)
    ]


def view_data(side: Side, factors: Sequence[float]) -> dict[str, Any]:
    """One sum for the script; `factors`: from its numbers to each unit."""
    names, numbers = groups(side.parts)
    arrays = {name: _base64(getattr(side.parts, name)) for name in _ARRAYS}
    return {"name": side.name, "words": names, "groups": numbers, "factors": list(factors), **arrays}


def _base64(numbers: Floats) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, "<f4").tobytes()).decode("ascii")


def _for_script(data: Any) -> str:
    """JSON in which nothing can end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sum(explanation: Explanation) -> dict[str, Any]:
    """The parts as steps from 0 to the total; places are shares of the width, in per cent."""
    whole = sum_of(explanation)
    parts, total = whole.rounded()
    steps = [0.0]
    for _, value in parts:
        steps.append(steps[-1] + value)
    low, high = min(steps), max(steps)
    size = (high - low) or 1.0

    def step(name: str, start: float, value: float, exact: float) -> dict[str, Any]:
        left = 100 * (min(start, start + value) - low) / size
        return {"name": name, "value": value, "exact": exact, "left": left, "width": 100 * abs(value) / size}

    exact = [*(value for _, value in whole.parts), -whole.gap]
    rows = [step(name, start, value, real) for (name, value), start, real in zip(parts, steps[:-1], exact, strict=True)]
    last = step(whole.name, 0.0, total, whole.total)
    return {"rows": rows, "total": last, "name": whole.name, "zero": -100 * low / size}


def _bars(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Words with bars from a common zero."""
    ends = [0.0, *(value for row in rows for value in (row.alone, row.together))]
    low, high = min(ends), max(ends)
    size = (high - low) or 1.0

    def bar(value: float) -> dict[str, float]:
        return {"value": value, "left": 100 * (min(0.0, value) - low) / size, "width": 100 * abs(value) / size}

    zero = -100 * low / size
    return [{"row": row, "alone": bar(row.alone), "together": bar(row.together), "zero": zero} for row in rows]


def _view(explanation: Explanation, side: Side, limit: float, spans: Sequence[Span]) -> dict[str, Any]:
    one = side.parts
    heats, rows = by_group(one, one.values), side_rows(explanation, side)
    cells = [cell_of("all words", one.heat(), one, limit, None)]
    if side.name != "negative":
        cells += [cell_of(f"“{span_text(one, span)}”", one.heat(span), one, limit, None) for span in spans]
    quiet = 0
    for number, (row, heat) in enumerate(zip(rows, heats, strict=True)):
        if side.name == "margin" and not heat.any():
            quiet += 1
        else:
            cells.append(cell_of(row.word, heat, one, limit, number))
    if one.image_main.any():
        cells.append(cell_of("image with a blank caption", one.image_main, one, limit, None))
    return {
        "side": side,
        "score": one.score,
        "parts": parts_of(one),
        "rows": rows,
        "words": len(one.words),
        "cells": cells,
        "quiet": quiet,
        "largest": max((abs(row.patches) for row in rows), default=0.0) or 1.0,
        "class_share": one.class_share,
        "heat": one.heat(),
    }


def cell_of(label: str, heat: Floats, one: Attribution, limit: float, number: int | None) -> dict[str, Any]:
    """A still picture of a heat [rows, columns]; `number`: of its word."""
    total = float(heat.sum(dtype=np.float64))
    row, column = peak(heat)
    alt = f"Heat of {label}: {signed(total)} over all patches"
    if heat.any():
        alt += f", most at row {row + 1}, column {column + 1} of {one.view.rows} x {one.view.columns}"
        alt += f" ({signed(float(heat[row, column]))})"
    return {"label": label, "uri": heat_uri(heat, limit), "total": total, "alt": alt, "number": number}


def _facts(one: Attribution) -> list[tuple[str, str]]:
    known = {**one.origin, **one.config}
    found = [(title, str(known[name])) for name, title in _FACTS.items() if name in known]
    for place, name in enumerate(("text_blocks", "image_blocks"), start=1):
        if name in known:
            title, value = found[place]
            found[place] = (title, f"{value} of {known[name]}, counted from 0")
    found.append(("Logits", f"the cosine times {one.logit_scale:.2f}"))
    residuals = (one.quality.residual_text, one.quality.residual_image)
    found.append(("Not accounted for by the integrals", " and ".join(f"{r:.1e}" for r in residuals) + " of the change"))
    return found
