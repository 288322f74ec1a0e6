"""Two explanations of one pair, by two models, in one unit."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hairsplit.core.attribution import Attribution, Floats
from hairsplit.core.errors import HairsplitError

Unit = Literal["logit", "share"]
"""logit: each model's own logits. share: of the absolute value of what words and patches add together in all. Cosines
are no unit for two models: fine-tuning changes their range."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """What model B does otherwise than model A with the same caption and picture; B less A, in `unit`."""

    first: Attribution
    second: Attribution
    unit: Unit
    factors: tuple[float, float]
    """From each model's scores to the unit."""
    values: Floats
    """[tokens, rows, columns]."""
    class_values: Floats
    """[tokens]."""
    text_main: Floats
    """[tokens]."""
    image_main: Floats
    """[rows, columns]."""
    score: float
    blank_image_score: float
    """Of the caption on the reference image."""

    def one(self, which: Literal["first", "second"], values: Floats) -> Floats:
        """Numbers of one of the two, in the common unit."""
        found: Floats = values * self.factors[which == "second"]
        return found


def compare(first: Attribution, second: Attribution, unit: Unit = "logit") -> Comparison:
    """Subtract one model's explanation from another's.

    Raises:
        HairsplitError: They are of different captions, tokens or grids, or a share would be of nothing.
    """
    mine, theirs = ([token.id for token in one.tokens] for one in (first, second))
    if (first.caption, mine) != (second.caption, theirs):
        raise HairsplitError(
            f"different captions or tokens: {first.caption!r} and {second.caption!r}",
            where="compare",
            hint="explain the same caption with both models; with other tokenizers compare by word",
        )
    kinds = {str(one.config.get("score", "cosine")) for one in (first, second)}
    if len(kinds) > 1 or (unit == "logit" and "dot" in kinds):
        raise HairsplitError(
            f"scores are {' and '.join(sorted(kinds))}, which have no {unit} in common",
            where="compare",
            hint="explain with score='cosine'",
        )
    if first.values.shape != second.values.shape:
        grids = " and ".join(f"{a.view.rows} x {a.view.columns}" for a in (first, second))
        raise HairsplitError(
            f"the models have {grids} patches", where="compare", hint="compare what lies in a box: bars(box) of each"
        )
    one, other = (_factor(side, unit) for side in (first, second))
    return Comparison(
        first=first,
        second=second,
        unit=unit,
        factors=(one, other),
        values=other * second.values - one * first.values,
        class_values=other * second.class_values - one * first.class_values,
        text_main=other * second.text_main - one * first.text_main,
        image_main=other * second.image_main - one * first.image_main,
        score=other * second.score - one * first.score,
        blank_image_score=other * second.blank_image_score - one * first.blank_image_score,
    )


def _factor(one: Attribution, unit: Unit) -> float:
    if unit == "logit":
        return one.logit_scale
    whole = abs(float(one.values.sum(dtype=np.float64) + one.class_values.sum(dtype=np.float64)))
    if whole == 0:
        raise HairsplitError(
            "words and patches add nothing together: there is nothing to take shares of",
            where="compare",
            hint="take unit='logit'",
        )
    return 1 / whole
