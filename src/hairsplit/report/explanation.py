"""What is told of an explanation: the parts of its score, its words, remarks; and all of it as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hairsplit.core.attribution import Attribution, Contrast, Floats, Span, find_span

VERSION = 1
"""Of explanation.json."""
Explanation = Attribution | Contrast
Name = Literal["margin", "caption", "negative"]
_NOTHING = 1e-7
"""What start and end tokens must add to be listed."""
REST = "start and end"


@dataclass(frozen=True)
class Side:
    """One sum that is shown: of a margin, of the caption's score, of the negative's."""

    name: Name
    parts: Attribution

    @property
    def title(self) -> str:
        """For headings."""
        return {"margin": "caption − negative", "caption": "caption", "negative": "negative"}[self.name]


@dataclass(frozen=True)
class Row:
    """What one word adds, in the unit of the score."""

    word: str
    alone: float
    """On the reference image."""
    patches: float
    """With the patches."""
    class_token: float
    """With the image's class token, which no picture shows."""
    changed: bool = False
    """Whether the negative has another word in its place."""

    @property
    def together(self) -> float:
        """With the whole image."""
        return self.patches + self.class_token

    @property
    def total(self) -> float:
        """All that the word adds."""
        return self.alone + self.together


@dataclass(frozen=True)
class Sum:
    """Parts, and what they add up to."""

    parts: tuple[tuple[str, float], ...]
    name: str
    total: float
    gap: float
    """Sum of the parts less the total."""

    def rounded(self, digits: int = 4) -> tuple[list[tuple[str, float]], float]:
        """Parts and total as printed; the last part is what the printed ones lack, so that they add up."""
        shown = [(name, round(value, digits)) for name, value in self.parts]
        total = round(self.total, digits)
        missing = round(total - sum(value for _, value in shown), digits)
        return [*shown, ("not accounted for", missing)], total


def sides(explanation: Explanation) -> tuple[Side, ...]:
    """The sums that an explanation holds, the one it is about first."""
    if isinstance(explanation, Attribution):
        return (Side("caption", explanation),)
    named: tuple[tuple[Name, Attribution | None], ...] = (
        ("margin", explanation.direct),
        ("caption", explanation.positive_side),
        ("negative", explanation.negative_side),
    )
    return tuple(Side(name, one) for name, one in named if one is not None)


def parts_of(one: Attribution) -> dict[str, float]:
    """Base, words, image and interactions; with the gap they make the score."""
    total = {name: float(getattr(one, name).sum(dtype=np.float64)) for name in ("text_main", "image_main", "values")}
    return {
        "base": one.base,
        "words": total["text_main"],
        "image": total["image_main"] + one.class_main,
        "interactions": total["values"] + float(one.class_values.sum(dtype=np.float64)),
    }


def sum_of(explanation: Explanation) -> Sum:
    """The sum that an explanation is about: of a score, or of a margin."""
    if isinstance(explanation, Attribution):
        found = parts_of(explanation)
        return Sum(tuple(found.items()), "score", explanation.score, explanation.gap)
    if explanation.direct is not None:
        found = parts_of(explanation.direct)
        decided = (("words on the blank image", found["words"]), ("words with this image", found["interactions"]))
        return Sum(decided, "margin", explanation.margin, explanation.gap)
    mine, theirs = (parts_of(side.parts) for side in sides(explanation))
    differences = {name: mine[name] - theirs[name] for name in ("words", "interactions")}
    shown = (
        ("blank captions of unequal length", explanation.reference_shift),
        ("words on the blank image", differences["words"]),
        ("words with this image", differences["interactions"]),
    )
    return Sum(shown, "margin", explanation.margin, explanation.gap)


def groups(one: Attribution) -> tuple[list[str], list[int]]:
    """The words, with start and end behind them if they add anything; and of each token the number of its word.

    Tokens that add nothing and belong to no word have the number behind the last one, too.
    """
    words = list(one.words)
    special = np.array([token.word is None for token in one.tokens])
    size = np.abs(one.values).sum((1, 2)) + np.abs(one.class_values) + np.abs(one.text_main)
    numbers = [len(words) if token.word is None else token.word for token in one.tokens]
    return ([*words, REST] if size[special].sum() > _NOTHING else words), numbers


def by_group(one: Attribution, numbers: Floats) -> Floats:
    """Sums of numbers [tokens, ...] over the tokens of each of `groups`, [words, ...]."""
    names, at = groups(one)
    found = np.zeros((max(len(names), max(at) + 1), *numbers.shape[1:]))
    np.add.at(found, at, numbers)
    return found[: len(names)]


def rows_of(one: Attribution, changed: Sequence[bool] = ()) -> list[Row]:
    """What each word adds; `changed`: which tokens the negative has otherwise."""
    names, at = groups(one)
    alone, patches, on_class = (
        by_group(one, numbers).tolist() for numbers in (one.text_main, one.values.sum((1, 2)), one.class_values)
    )
    other = {number for number, is_changed in zip(at, changed, strict=False) if is_changed}
    return [Row(name, alone[n], patches[n], on_class[n], n in other) for n, name in enumerate(names)]


def side_rows(explanation: Explanation, side: Side) -> list[Row]:
    """`rows_of` a side, with what the negative changed marked where that is known."""
    known = isinstance(explanation, Contrast) and side.name == "margin"
    return rows_of(side.parts, explanation.changed.tolist() if known else ())  # type: ignore[union-attr]


def told_rows(explanation: Explanation) -> list[Row]:
    """Words and what they add to the sum that the explanation is about; those of a negative of another length less."""
    all_sides = sides(explanation)
    if isinstance(explanation, Attribution) or explanation.direct is not None:
        return side_rows(explanation, all_sides[0])
    mine, theirs = (rows_of(side.parts) for side in all_sides)
    return [*mine, *(Row(f"− {row.word}", -row.alone, -row.patches, -row.class_token) for row in theirs)]


def notes_of(explanation: Explanation) -> list[str]:
    """What a reader must know, in words."""
    found = [note for side in sides(explanation)[:1] for note in side.parts.notes]
    if isinstance(explanation, Attribution):
        return found
    if explanation.direct is None:
        other = sides(explanation)[1].parts.notes
        found += [f"negative: {note}" for note in other]
        found.append(
            "caption and negative have unequal numbers of tokens: the margin is the difference of two explanations, "
            "and a part of it is due to the blank captions' lengths alone"
        )
    elif explanation.direct.config.get("text_layer"):
        found.append("behind the first text layer words have mixed: which of them carry the margin says little here")
    margin, blank = explanation.margin, explanation.blank_margin
    if margin <= 0:
        found.append("the model does not prefer the caption to the negative")
    if margin and blank / margin > 0.5:
        found.append(
            f"on the blank image the margin is {_signed(blank)} of {_signed(margin)}: mostly decided without looking"
        )
    return found


def peak(heat: Floats) -> tuple[int, int]:
    """Row and column of the patch with the largest number."""
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    return int(row), int(column)


def span_text(one: Attribution, span: Span) -> str:
    """The words of a span as they stand in the caption.

    Raises:
        HairsplitError: There are no such words, or more than once.
    """
    first, last = find_span(one.caption, one.tokens, span)
    inside = [token for token in one.tokens if token.word is not None and first <= token.word < last]
    return one.caption[inside[0].start : inside[-1].end]


def limit_of(explanation: Explanation, spans: Sequence[Span] = ()) -> float:
    """The largest absolute number of any picture on the page: what the ends of the one colour scale stand for."""
    largest = [0.0]
    for side in sides(explanation):
        one = side.parts
        largest += [
            float(np.abs(heat).max())
            for heat in (by_group(one, one.values), one.heat(), one.image_main, one.heat() + one.image_main)
        ]
        if side.name != "negative":
            largest += [float(np.abs(one.heat(span)).max()) for span in spans]
    return max(largest) or 1.0


def record_of(explanation: Explanation, spans: Sequence[Span] = ()) -> dict[str, Any]:
    """All that is told, as JSON."""
    whole, all_sides = sum_of(explanation), sides(explanation)
    first = all_sides[0].parts
    record: dict[str, Any] = {
        "version": VERSION,
        "what": whole.name,
        "caption": explanation.caption,
        "negative": explanation.negative if isinstance(explanation, Contrast) else None,
        whole.name: whole.total,
        "parts": dict(whole.parts),
        "gap": whole.gap,
        "logit_scale": first.logit_scale,
        "notes": notes_of(explanation),
        "words": [_row_json(row) for row in told_rows(explanation)],
        "sides": [_side_json(explanation, side, spans) for side in all_sides],
        "config": dict(first.config),
        "origin": dict(first.origin),
    }
    if isinstance(explanation, Contrast):
        record |= {"blank_margin": explanation.blank_margin, "reference_shift": explanation.reference_shift}
    return record


def _side_json(explanation: Explanation, side: Side, spans: Sequence[Span]) -> dict[str, Any]:
    one = side.parts
    spans = () if side.name == "negative" else spans
    return {
        "name": side.name,
        "caption": one.caption,
        "score": one.score,
        "parts": parts_of(one),
        "gap": one.gap,
        "blank_image_score": one.blank_image_score,
        "blank_text_score": one.blank_text_score,
        "class_token_share": one.class_share,
        "start_and_end_share": one.special_share,
        "residuals": {"text": one.quality.residual_text, "image": one.quality.residual_image},
        "words": [_row_json(row) for row in side_rows(explanation, side)],
        "spans": [_span_json(one, span) for span in spans],
    }


def _row_json(row: Row) -> Mapping[str, Any]:
    return {
        "word": row.word,
        "alone": row.alone,
        "with_patches": row.patches,
        "with_class_token": row.class_token,
        "changed": row.changed,
    }


def _span_json(one: Attribution, span: Span) -> Mapping[str, Any]:
    chosen, heat = one.word_tokens(span), one.heat(span)
    row, column = peak(heat)
    return {
        "text": span_text(one, span),
        "alone": float(one.text_main[chosen].sum()),
        "with_patches": float(heat.sum(dtype=np.float64)),
        "with_class_token": float(one.class_values[chosen].sum()),
        "strongest_patch": {
            "value": float(heat[row, column]),
            "box": [float(edge) for edge in one.view.box(row, column)],
        },
    }


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")
