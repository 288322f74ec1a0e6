"""Two models' explanations of one pair beside each other, in a unit that both have: as JSON and as a page."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hairsplit.core.attribution import Attribution, Contrast, Floats, Span, find_span
from hairsplit.core.attribution_pairs import Comparison, compare
from hairsplit.core.errors import HairsplitError
from hairsplit.report.explanation import (
    Explanation,
    Side,
    by_group,
    notes_of,
    parts_of,
    record_of,
    rows_of,
    sides,
    sum_of,
)
from hairsplit.report.explanation_page import cell_of, signed, view_data, write_scripted
from hairsplit.report.heat import NEGATIVE, POSITIVE, STRONGEST, backdrop, css, seen

VERSION = 1
"""Of explanation.json."""
DIFFERENCE = "B − A"
_UNITS = (("logit", "logits", 3), ("share", "share of what words and patches add", 4))


def compared(first: Explanation, second: Explanation) -> list[Comparison]:
    """Each sum of two explanations, in logits.

    Raises:
        HairsplitError: One margin has a sum of its own and the other is a difference of two explanations, or they
            cannot be compared, see `compare`.
    """
    mine, theirs = sides(first), sides(second)
    if [side.name for side in mine] != [side.name for side in theirs]:
        raise HairsplitError(
            "one model's margin has a sum of its own, the other's is the difference of two explanations",
            where="--versus",
            hint="the models have other tokens: compare them on a caption alone, without --against",
        )
    return [compare(one.parts, other.parts, "logit") for one, other in zip(mine, theirs, strict=True)]


def versus_record(first: Explanation, second: Explanation) -> dict[str, Any]:
    """All that is told, as JSON; the difference in logits."""
    pair = compared(first, second)[0]
    return {
        "version": VERSION,
        "what": "comparison",
        "unit": pair.unit,
        "caption": first.caption,
        "negative": first.negative if isinstance(first, Contrast) else None,
        "parts": part_rows(first, second, pair.factors),
        "words": word_rows(first, second, pair.factors),
        "first": record_of(first),
        "second": record_of(second),
    }


def versus_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """The comparison as plain text."""
    yield f"{'logits':<34}{'A':>9}{'B':>9}{DIFFERENCE:>9}"
    for part in record["parts"]:
        yield f"  {part['name']:<32}{part['first']:>+9.3f}{part['second']:>+9.3f}{part['difference']:>+9.3f}"
    yield f"{'words with the image':<34}{'A':>9}{'B':>9}{DIFFERENCE:>9}"
    for word in sorted(record["words"], key=lambda row: -abs(row["difference"]))[:5]:
        yield f"  {word['word'][:31]:<32}{word['first']:>+9.3f}{word['second']:>+9.3f}{word['difference']:>+9.3f}"
    for letter, name in (("A", "first"), ("B", "second")):
        for note in record[name]["notes"]:
            yield f"note on {letter}: {note}"


def write_versus(
    both: tuple[Explanation, Explanation],
    names: tuple[str, str],
    image: Image.Image,
    out: Path,
    span: Span | None = None,
) -> None:
    """Write the page of two models: A, B and B less A with one colour scale; same inputs give the same bytes.

    Args:
        both: Of model A and of model B, of the same pair.
        names: Of the models.
        image: The whole picture, upright RGB.
        out: The HTML file; replaced if it exists.
        span: Words whose heat is shown from the start.

    Raises:
        HairsplitError: See `compared`; or the caption has no such words, or has them more than once.
    """
    first, second = both
    pairs, one = compared(first, second), sides(first)[0].parts
    titles = (f"A: {names[0]}", f"B: {names[1]}", DIFFERENCE)
    factors = [_unit_factors(pair) for pair in pairs]
    units = _units(pairs, factors)
    limit, common = units[0]["limit"], len(units)
    sums = list(zip(sides(first), sides(second), strict=True))
    data = {
        "models": 2,
        "titles": titles,
        "units": units,
        "span": [] if span is None else [list(find_span(one.caption, one.tokens, span))],
        "views": [
            view_data(side, [unit[which] for unit in taken[:common]])
            for mine, taken in zip(sums, factors, strict=True)
            for which, side in enumerate(mine)
        ],
    }
    write_scripted(
        "explanation_versus.html.j2",
        data | _look(one),
        out,
        explanation=first,
        contrast=isinstance(first, Contrast),
        titles=titles,
        backdrop=backdrop(image),
        width=image.width,
        height=image.height,
        frame=seen(one.view),
        grid=(one.view.rows, one.view.columns),
        units=units,
        limit=limit,
        parts=part_rows(first, second, pairs[0].factors),
        words=word_rows(first, second, pairs[0].factors),
        views=[_view(mine[0], pair, limit) for mine, pair in zip(sums, pairs, strict=True)],
        notes=[f"{letter}: {note}" for letter, made in (("A", first), ("B", second)) for note in notes_of(made)],
        colours=(css(NEGATIVE), css(POSITIVE)),
        signed=_three_digits,
    )


def _units(pairs: list[Comparison], factors: list[list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """The units that all sums have, each with the largest number shown in it."""
    common = min(map(len, factors))
    return [
        {
            "name": name,
            "digits": digits,
            "limit": max(_limit(pair, unit[n]) for pair, unit in zip(pairs, factors, strict=True)),
        }
        for n, (_, name, digits) in enumerate(_UNITS[:common])
    ]


def _three_digits(value: float) -> str:
    return signed(round(value, 3))[:-1] if round(value, 3) else "0"


def _look(one: Attribution) -> dict[str, Any]:
    """What the page's script draws with: colours and the grid of patches."""
    colours = [css(NEGATIVE), css(POSITIVE)]
    return {"strongest": STRONGEST, "colours": colours, "rows": one.view.rows, "columns": one.view.columns}


def _unit_factors(pair: Comparison) -> list[tuple[float, float]]:
    """From both models' numbers to each unit; a share of nothing is left out."""
    found = []
    for unit, _, _ in _UNITS:
        try:
            found.append(compare(pair.first, pair.second, unit).factors)  # type: ignore[arg-type]
        except HairsplitError:
            break
    return found


def _limit(pair: Comparison, factors: tuple[float, float]) -> float:
    """The largest number that any of the three pictures can show of one word, of all, or of the patches alone."""
    largest = 0.0
    for taken in ((factors[0], 0.0), (0.0, factors[1]), (-factors[0], factors[1])):
        words, heat, main = (
            taken[0] * mine + taken[1] * theirs
            for mine, theirs in zip(_heats(pair.first), _heats(pair.second), strict=True)
        )
        largest = max([largest, *(float(np.abs(one).max()) for one in (words, heat, main, heat + main))])
    return largest or 1.0


def _heats(one: Attribution) -> tuple[Floats, Floats, Floats]:
    return by_group(one, one.values), one.heat(), one.image_main


def part_rows(first: Explanation, second: Explanation, factors: tuple[float, float]) -> list[dict[str, Any]]:
    """What the score or the margin is made of, itself, and what it is on the blank image, of both and B less A."""
    rows = zip(_sums(first), _sums(second), strict=True)
    return [_row("name", name, one, other, factors) for (name, one), (_, other) in rows if one or other]


def _sums(explanation: Explanation) -> list[tuple[str, float]]:
    if isinstance(explanation, Contrast) and explanation.direct is None:
        whole = sum_of(explanation)
        ends = (("= margin", whole.total), ("margin on the blank image", explanation.blank_margin))
        return [*whole.parts, ("not accounted for", -whole.gap), *ends]
    one = sides(explanation)[0].parts
    what = "margin" if isinstance(explanation, Contrast) else "score"
    ends = ((f"= {what}", one.score), (f"{what} on the blank image", one.blank_image_score))
    return [*parts_of(one).items(), ("not accounted for", -one.gap), *ends]


def word_rows(first: Explanation, second: Explanation, factors: tuple[float, float]) -> list[dict[str, Any]]:
    """What each word and the whole image add together, of both and B less A; a negative's words with their sign."""
    found = []
    for mine, theirs in zip(told_sides(first), told_sides(second), strict=True):
        minus = -1 if mine.name == "negative" else 1
        for one, other in zip(rows_of(mine.parts), rows_of(theirs.parts), strict=False):
            name = one.word if minus > 0 else f"− {one.word}"
            found.append(_row("word", name, minus * one.together, minus * other.together, factors))
    return found


def told_sides(explanation: Explanation) -> tuple[Side, ...]:
    """The sums whose words make up what is explained: one, or caption and negative of unequal length."""
    found = sides(explanation)
    return found if isinstance(explanation, Contrast) and explanation.direct is None else found[:1]


def _row(key: str, name: str, mine: float, theirs: float, factors: tuple[float, float]) -> dict[str, Any]:
    one, other = mine * factors[0], theirs * factors[1]
    return {key: name, "first": one, "second": other, "difference": other - one}


def _view(side: Side, pair: Comparison, limit: float) -> dict[str, Any]:
    """Static pictures of one sum: of each panel all words, then each word."""
    one, other = pair.factors
    names = [row.word for row in rows_of(side.parts)]
    mine, theirs = (by_group(part, part.values) for part in (pair.first, pair.second))
    panels = []
    quiet = [side.name == "margin" and not (mine[n].any() or theirs[n].any()) for n in range(len(mine))]
    for heats, whole in (
        (one * mine, one * pair.first.heat()),
        (other * theirs, other * pair.second.heat()),
        (other * theirs - one * mine, other * pair.second.heat() - one * pair.first.heat()),
    ):
        cells = [cell_of("all words", whole, side.parts, limit, None)]
        cells += [
            cell_of(name, heat, side.parts, limit, n)
            for n, (name, heat) in enumerate(zip(names, heats, strict=True))
            if not quiet[n]
        ]
        totals = [float(heat.sum()) for heat in heats]
        panels.append({"cells": cells, "totals": totals, "largest": max(map(abs, totals), default=0.0) or 1.0})
    return {"side": side, "names": names, "words": len(side.parts.words), "panels": panels, "quiet": sum(quiet)}
