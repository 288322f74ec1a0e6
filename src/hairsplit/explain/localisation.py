"""Whether a heat lies where it should, against boxes; and whether what it points at matters to the score. No torch.

One number per heat, each beside what a heat that knows nothing gets: average them with intervals clustered by image.
NaN is "not defined" (a heat without a positive value has no share of it anywhere): count such heats, don't score them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hairsplit.core.attribution import Floats, PixelBox, View
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number

Masks = NDArray[np.bool_]

LARGE = 0.8
"""Share of the picture above which a box says little about place."""


@dataclass(frozen=True, eq=False)
class Target:
    """Where the object that some words name lies on the grid of patches; several boxes are one target, their union."""

    shares: Floats
    """How much of each patch it covers, 0 to 1, [rows, columns], by exact area."""
    centres: Masks
    """Whether it covers the patch's centre, [rows, columns]."""

    @property
    def area(self) -> float:
        """Share of what the model sees."""
        return float(self.shares.mean())

    @property
    def is_large(self) -> bool:
        """Whether it covers more than `LARGE` of it, so that nearly any heat hits it: leave such targets out."""
        return self.area > LARGE


def target(view: View, boxes: Sequence[PixelBox]) -> Target:
    """The union of boxes, in pixels of the picture, on a model's grid.

    Raises:
        HairsplitError: There is no box, or none of them covers anything that the model sees.
    """
    if not boxes:
        raise HairsplitError("there is no box", where="localisation", hint="leave out words that have none")
    left, top = view.box(0, 0)[:2]
    right, bottom = view.box(view.rows - 1, view.columns - 1)[2:]
    seen = [(max(a, left), max(b, top), min(c, right), min(d, bottom)) for a, b, c, d in boxes]
    seen = [box for box in seen if box[0] < box[2] and box[1] < box[3]]
    shares = np.zeros((view.rows, view.columns))
    if not seen:
        view.shares(boxes[0])  # its error says what the model sees
    for part in _disjoint(seen):
        shares += view.shares(part)
    middles = [[_middle(view.box(row, column)) for column in range(view.columns)] for row in range(view.rows)]
    centres = [[any(a <= x < c and b <= y < d for a, b, c, d in seen) for x, y in line] for line in middles]
    return Target(np.minimum(shares, 1.0), np.array(centres))


def _disjoint(boxes: Sequence[PixelBox]) -> list[PixelBox]:
    """Boxes that share no area and together cover what the given ones cover: cells of the grid of all their edges."""
    across = sorted({edge for box in boxes for edge in (box[0], box[2])})
    down = sorted({edge for box in boxes for edge in (box[1], box[3])})
    cells = [(x0, y0, x1, y1) for y0, y1 in pairwise(down) for x0, x1 in pairwise(across)]
    return [c for c in cells if any(b[0] <= c[0] and c[2] <= b[2] and b[1] <= c[1] and c[3] <= b[3] for b in boxes)]


def _middle(box: PixelBox) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def energy_inside(heat: ArrayLike, where: Target) -> float:
    """PGE, the energy-based pointing game: the share of the positive heat that lies inside the target.

    Negative heat counts as none. NaN where no heat is positive. After Score-CAM (Wang et al., CVPR workshops 2020,
    section 4.3); patches on the edge count by their share.
    """
    positive = np.maximum(_checked(heat, where), 0.0)
    whole = positive.sum()
    return float((positive * where.shares).sum() / whole) if whole > 0 else float("nan")


def peak_inside(heat: ArrayLike, where: Target, *, rule: Literal["centre", "touch"] = "centre") -> float:
    """PGA, the pointing game: 1 if the hottest patch lies in the target, 0 if not, the average over ties.

    After Zhang et al., "Top-down neural attention by excitation backprop" (IJCV 2018), with a patch for their pixel.

    Args:
        heat: [rows, columns].
        where: The target.
        rule: A patch lies in it if its centre does, or, more kindly, if any of it does.
    """
    values = _checked(heat, where)
    return float(_hits(where, rule)[values == values.max()].mean())


def signed_mass(heat: ArrayLike, where: Target) -> float:
    """Positive heat inside the target and negative heat outside it, as a share of all heat, by absolute value.

    After FIxLIP (Baniecki et al., NeurIPS 2025). NaN where the heat is 0 everywhere. It takes for granted that what
    lies outside should lower the score.
    """
    values = _checked(heat, where)
    whole = np.abs(values).sum()
    right = (np.maximum(values, 0) * where.shares + np.maximum(-values, 0) * (1 - where.shares)).sum()
    return float(right / whole) if whole > 0 else float("nan")


def right_object(heat: ArrayLike, named: Target, others: Sequence[Target]) -> float:
    """Whether the named object gets more heat, with its sign, than another one; the share of the others it beats.

    The one of these numbers that tests binding: a heat on all objects alike has a good PGE and fails here. A tie is a
    miss. Ask about each object of a scene: then a heat that does not depend on the words gets exactly 0.5 at most,
    whatever the sizes of the objects.

    Raises:
        HairsplitError: There is no other object.
    """
    if not others:
        raise HairsplitError("there is no other object", where="right object", hint="ask where there are two or more")
    own = (_checked(heat, named) * named.shares).sum()
    return float(np.mean([own > (_checked(heat, other) * other.shares).sum() for other in others]))


@dataclass(frozen=True, kw_only=True)
class Located:
    """What one heat scores against the boxes, or what chance does."""

    energy: float
    """PGE."""
    peak: float
    """PGA, by the centre of the hottest patch."""
    touch: float
    """PGA, by any overlap."""
    signed: float
    """Signed mass."""
    right: float
    """Right object; NaN without a competing one."""


def locate(heat: ArrayLike, named: Target, others: Sequence[Target] = ()) -> Located:
    """All numbers of one heat.

    Args:
        heat: [rows, columns], of the words that name the object.
        named: Where that object lies.
        others: Where each object lies that these words do not name.

    Raises:
        HairsplitError: The heat has another grid than the target, or is not finite.
    """
    return Located(
        energy=energy_inside(heat, named),
        peak=peak_inside(heat, named),
        touch=peak_inside(heat, named, rule="touch"),
        signed=signed_mass(heat, named),
        right=right_object(heat, named, others) if others else float("nan"),
    )


def chance(named: Target, others: Sequence[Target] = ()) -> Located:
    """What a heat that knows nothing gets: independent numbers, the same distribution for every patch.

    PGE: the target's area; PGA: the share of patches that count as hits; signed mass and right object: 0.5, which for
    them asks of the distribution that it be symmetric about 0. A constant heat gets the first three exactly too.
    """
    return Located(
        energy=named.area,
        peak=float(named.centres.mean()),
        touch=float((named.shares > 0).mean()),
        signed=0.5,
        right=0.5 if others else float("nan"),
    )


def _hits(where: Target, rule: Literal["centre", "touch"]) -> Masks:
    return where.centres if rule == "centre" else where.shares > 0


def _checked(heat: ArrayLike, where: Target) -> NDArray[np.float64]:
    values = np.asarray(heat, np.float64)
    if values.shape != where.shares.shape:
        raise HairsplitError(
            f"the heat has shape {values.shape}, the target {where.shares.shape}",
            where="localisation",
            hint="take the view of the same explanation for both",
        )
    if not np.isfinite(values).all():
        raise HairsplitError("the heat is not finite", where="localisation", hint="check the weights of the model")
    return values


Score = Callable[[Masks], NDArray[np.float64]]
"""Which items are there, [M, n], -> the model's score of each such input, [M]."""
Direction = Literal["insertion", "deletion"]


@dataclass(frozen=True, eq=False)
class Curve:
    """How a score changes while items, patches or words, are put in or taken away, most important first."""

    scores: NDArray[np.float64]
    """[steps + 1], from the blank input to the whole one, or the other way round."""
    kept: NDArray[np.float64]
    """Share of items there, [steps + 1]."""
    direction: Direction

    @property
    def area(self) -> float:
        """Mean of the curve over the share of items moved, 0 for the blank input's score and 1 for the whole one's.

        Insertion: the higher the better; deletion: the lower. A random order gets 0.5 of a score that is a sum over
        items; of others, measure it: a curve of random values. NaN where both inputs have the same score.
        """
        ends = (self.scores[0], self.scores[-1])
        blank, whole = ends if self.direction == "insertion" else ends[::-1]
        middles = (self.scores[1:] + self.scores[:-1]) / 2
        mean = (middles * np.abs(np.diff(self.kept))).sum()
        return float((mean - blank) / (whole - blank)) if whole != blank else float("nan")


def curve(values: ArrayLike, score: Score, direction: Direction, *, steps: int | None = None, seed: int = 0) -> Curve:
    """Put items in, or take them away, by their importance, and watch the score (Petsiuk et al., RISE, BMVC 2018).

    Plain: `values` are of the whole caption. Conditional: those of a span, the caption kept whole and only patches
    moved; or those of words by a box, the picture kept whole. `hairsplit.explain.removal` makes such scores.

    Args:
        values: The importance of each item, of any shape, n in all. Equal ones are ordered at random.
        score: The model's.
        direction: Insertion starts from the blank input, deletion from the whole.
        steps: Into how many parts of equal size, but for rounding, to cut the way; None: item by item.
        seed: Of the order of equal values.

    Raises:
        HairsplitError: No values, or some that are not finite.
    """
    flat = np.asarray(values, np.float64).ravel()
    if not len(flat) or not np.isfinite(flat).all():
        raise HairsplitError("importances must be finite numbers, one at least", where="curve", hint="check the heat")
    rank = np.empty(len(flat), np.int64)
    ties = np.random.default_rng(number(seed, "ties")).permutation(len(flat))
    rank[np.lexsort((ties, -flat))] = np.arange(len(flat))  # 0: the most important
    moved = np.unique(np.round(np.linspace(0, len(flat), (steps or len(flat)) + 1)).astype(np.int64))
    taken = rank[None] < moved[:, None]  # [steps + 1, n]
    masks = taken if direction == "insertion" else ~taken
    scores = np.asarray(score(masks), np.float64)
    return Curve(scores, masks.mean(1), direction)
