"""Whether words tell the true side from the false one: counts of markers and of edits in both directions."""

import re
from collections import Counter
from collections.abc import Iterable

from tests.captions.checker.pairs import Row
from tests.captions.checker.words import NUMBERS

MARKERS = (
    "no", "not", "at least one", "either", "both", "more", "fewer", "as many", "left", "right", "above", "below",
    *NUMBERS[1:11],
)  # fmt: skip
_MARKER = {marker: re.compile(rf"\b{marker}\b") for marker in MARKERS}

STANDARD_ERRORS = 4.0
"""Of a fair coin; by chance alone, one of some 16,000 counts is further off."""


def marker_faults(rows: Iterable[tuple[str, Row]]) -> list[str]:
    """Markers that stand in positives and negatives unequally often: not in 50 % +-1 % of positives, nor, where few
    pairs make this bound wider, within four standard errors of a fair coin."""
    return [
        f"{family}: {marker!r} in {true} positives, {false} negatives"
        for (family, marker), (true, false) in marker_counts(rows).items()
        if abs(true / (true + false) - 0.5) > max(0.01, STANDARD_ERRORS * 0.5 / (true + false) ** 0.5)
    ]


def swap_faults(rows: Iterable[tuple[str, Row]]) -> list[str]:
    """Swaps that go one way more often than the other: by more than one and four standard errors of a fair coin."""
    return [
        f"{family}, {role}: {a!r} -> {b!r} {forth} times, back {back} times"
        for (family, role, a, b), (forth, back) in edit_counts(rows).items()
        if abs(forth - back) > 1 + STANDARD_ERRORS * (forth + back) ** 0.5
    ]


def repetitions(texts: Iterable[tuple[str, str, str | None]]) -> list[str]:
    """What is wrong with the (caption, negative, group) of one image: texts that are both true and false, negatives
    that come twice, captions that come twice and not as one group."""
    rows = list(texts)
    true, false = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
    groups = {(caption, group) for caption, _, group in rows}
    captions, names = Counter(c for c, _ in groups), Counter(g for _, g in groups)
    return [
        *(f"both true and false: {text}" for text in sorted(true.keys() & false.keys())),
        *(f"{n} times false: {text}" for text, n in false.items() if n > 1),
        *(f"{n} groups: {text}" for text, n in captions.items() if n > 1),
        *(f"{n} captions in group {group}" for group, n in names.items() if n > 1),
    ]


def marker_counts(rows: Iterable[tuple[str, Row]]) -> dict[tuple[str, str], tuple[int, int]]:
    """(family, marker) -> how many positives and how many negatives hold it."""
    true, false = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for family, row in rows:
        for marker, pattern in _MARKER.items():
            in_true, in_false = (bool(pattern.search(text.lower())) for text in (row.caption, row.negative))
            true[family, marker] += in_true
            false[family, marker] += in_false
    return {key: (true[key], false[key]) for key in true | false if true[key] + false[key]}


def edit_counts(rows: Iterable[tuple[str, Row]]) -> dict[tuple[str, str, str, str], tuple[int, int]]:
    """(family, role, a, b), a < b -> how often a became b, and how often b became a."""
    counts = Counter((family, row.role, row.before, row.after) for family, row in rows)
    keys = {(family, role, *sorted((a, b))) for family, role, a, b in counts}
    return {(f, r, a, b): (counts[f, r, a, b], counts[f, r, b, a]) for f, r, a, b in sorted(keys)}
