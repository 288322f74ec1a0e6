"""Numbers and texts as a reader meets them: percentages, points, intervals, and what differs between two captions."""

import math
import re
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup, escape

from hairsplit.core.types import Estimate

MINUS = "−"
GLUE = "\u00a0"  # no line break between a number and its unit
NO_INTERVAL = "no interval"
"""Too few images to know one; never shown as 0."""
_FIELDS = {
    "top1": "zero-shot top-1",
    "top5": "zero-shot top-5",
    "mean_per_class_recall": "mean per-class recall",
    "image_to_text": "image → text",
    "text_to_image": "text → image",
}


def percent(share: float | None) -> str:
    """0.653 -> "65.3 %", with a space that does not break; unknown is a dash."""
    return "–" if share is None or math.isnan(share) else f"{_fixed(100 * share, 1)}{GLUE}%"


def points(share: float | None) -> str:
    """A difference of shares in percentage points, with its sign: 0.25 -> "+25.0"."""
    if share is None or math.isnan(share):
        return "–"
    return _fixed(100 * share, 1, sign=True)


def known(estimate: Estimate | None) -> bool:
    """Whether there is an interval to print."""
    return estimate is not None and not (math.isnan(estimate.low) or math.isnan(estimate.high))


def interval(estimate: Estimate) -> str:
    """The 95 % interval of a share, in per cent: "[63.1, 67.4]"."""
    if not known(estimate):
        return NO_INTERVAL
    return f"[{_fixed(100 * estimate.low, 1)}, {_fixed(100 * estimate.high, 1)}]"


def span(estimate: Estimate) -> str:
    """The 95 % interval of a difference, in points with signs: "[+23.1, +27.4]"."""
    return f"[{points(estimate.low)}, {points(estimate.high)}]" if known(estimate) else NO_INTERVAL


def cosine(value: float | None, *, sign: bool = False) -> str:
    """Three decimals; unknown is a dash."""
    return "–" if value is None or math.isnan(value) else _fixed(value, 3, sign=sign)


def cosine_interval(estimate: Estimate) -> str:
    """The 95 % interval of a mean cosine: "[0.312, 0.320]"."""
    return f"[{cosine(estimate.low)}, {cosine(estimate.high)}]" if known(estimate) else NO_INTERVAL


def _fixed(value: float, digits: int, *, sign: bool = False) -> str:
    """With a true minus, and no sign where all the digits shown are zero."""
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    return text.lstrip("+-") if not float(text) else text.replace("-", MINUS)


def p_value(value: float) -> str:
    """Two significant digits, or "< 0.001"."""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """75 -> "1 min 15 s"."""
    whole = round(seconds)
    if whole < 60:
        text = f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    else:
        hours, rest = divmod(whole, 3600)
        text = f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
    return text.replace(" ", GLUE)


def plain(value: Any) -> str:
    """A value of a run's summary as text; floats to four significant digits, units thousands-separated."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def named(code: str) -> str:
    """A code in words: attribute_swap -> attribute swap, text_to_image@5 -> text → image, recall@5."""
    head, at, k = code.partition("@")
    words = _FIELDS.get(head, head.replace("_", " "))
    return f"{words}, recall@{k}" if at else words


def told(change: Estimate) -> str:
    """A paired difference as words: "rose by 25.0 points", or that the interval holds 0."""
    size = points(abs(change.value)).lstrip("+")
    if verdict(change) in {"rose", "fell"}:
        return f"{verdict(change)} by {size} points"
    return f"{points(change.value)} points, " + ("no clear change" if known(change) else "by too few images to tell")


def verdict(change: Estimate | None) -> str:
    """What a paired difference says: "rose", "fell", or that the data cannot tell."""
    if change is None or not known(change):
        return "unknown"
    return "rose" if change.low > 0 else "fell" if change.high < 0 else "no clear change"


def marked(caption: str, negative: str) -> tuple[Markup, Markup]:
    """Both captions, escaped, with the words in which they differ in `<mark>`."""
    left, right = (re.findall(r"\S+", text) for text in (caption, negative))
    lower = [[word.lower() for word in words] for words in (left, right)]
    out: tuple[list[Markup], list[Markup]] = ([], [])
    for tag, a, b, c, d in SequenceMatcher(a=lower[0], b=lower[1], autojunk=False).get_opcodes():
        for words, into in ((left[a:b], out[0]), (right[c:d], out[1])):
            if words:
                text = escape(" ".join(words))
                into.append(text if tag == "equal" else Markup("<mark>{}</mark>").format(text))
    first, second = (Markup(" ").join(parts) for parts in out)
    return first, second
