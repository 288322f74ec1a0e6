"""A score taken apart into four: both references, each side alone, and what words and patches add together.

With f and g the scaled embeddings, r_a and r_b the references, and u_i, v_j the contributions of word i and patch j,

    s(a, b) = <f(r_a), g(r_b)>  +  sum_i <u_i, g(r_b)>  +  sum_j <v_j, f(r_a)>  +  sum_ij <u_i, v_j>
                  base              words alone             patches alone           interactions

because the u_i add up to f(a) - f(r_a), and the v_j to g(b) - g(r_b). The last sum is the second-order attribution of
Moeller et al. (arXiv:2408.14153), here without any Jacobian: only U, V, or V^T U' is ever worked out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hairsplit.core.attribution import Quality
from hairsplit.explain.lines import Line, contributions, pulled
from hairsplit.explain.quadrature import Integral


@dataclass(frozen=True)
class Parts:
    """The four parts, in the unit of the score."""

    values: Tensor
    """[S, P]: interactions, all positions of both towers."""
    text_main: Tensor
    """[S]."""
    image_main: Tensor
    """[P]."""
    base: float
    score: float
    """By the model's own forward passes, as the next two."""
    blank_image_score: float
    blank_text_score: float
    text_factors: Tensor
    """U [S, D]."""
    image_factors: Tensor | None
    """V [P, D], where it was worked out."""
    quality: Quality

    @property
    def gap(self) -> float:
        """Sum of all parts less the score."""
        whole = sum(float(part.double().sum()) for part in (self.values, self.text_main, self.image_main))
        return self.base + whole - self.score


def factors(line: Line) -> Integral:
    """One row for each position: U of a text's line, V of an image's, [L, D]."""
    length = len(line.start)
    return contributions(line, torch.eye(length, dtype=line.start.dtype, device=line.start.device))


def projections(line: Line, known: Integral | None, vectors: Tensor) -> Integral:
    """What each position contributes along vectors [C, D], parts [L, C], by the cheapest way there is.

    Args:
        line: Text or image.
        known: Its `factors`, if they were worked out before.
        vectors: Such as the rows of the other side's factors.
    """
    if known is None and line.closed:
        known = factors(line)
    if known is None:
        return pulled(line, vectors)
    return Integral(known.parts @ vectors.T, known.residual, known.nodes)


def take_apart(text: Line, image: Line, image_factors: Integral | None, text_factors: Integral | None = None) -> Parts:
    """The four parts of a pair's score.

    Args:
        text: From the reference caption to the caption.
        image: From the reference image to the image.
        image_factors: Those of `image`, if they were worked out before.
        text_factors: Those of `text`, likewise.
    """
    return take_all_apart([(text, factors(text) if text_factors is None else text_factors)], image, image_factors)[0]


def take_all_apart(texts: Sequence[tuple[Line, Integral]], image: Line, image_factors: Integral | None) -> list[Parts]:
    """`take_apart` of several captions of one image.

    Where the image's factors are not known, all directions share one graph, and a blank caption is one direction
    however many captions have it: what the image adds with it is then the same number in all of them.

    Args:
        texts: From each reference caption to its caption, with its factors.
        image: From the reference image to the image.
        image_factors: Those of `image`, if they were worked out before.
    """
    blanks: list[Tensor] = []
    for text, _ in texts:
        if not any(torch.equal(text.ends[0], one) for one in blanks):
            blanks.append(text.ends[0])
    along = projections(image, image_factors, torch.cat([*(u.parts for _, u in texts), torch.stack(blanks)]))
    *rows, main = torch.split(along.parts, [*(len(u.parts) for _, u in texts), len(blanks)], dim=1)  # [P, S] each
    blank_image, whole_image = image.ends
    parts = []
    for (text, u), values in zip(texts, rows, strict=True):
        blank_text, whole_text = text.ends
        number = next(n for n, one in enumerate(blanks) if torch.equal(blank_text, one))
        parts.append(
            Parts(
                values=values.T,
                text_main=u.parts @ blank_image,
                image_main=main[:, number],
                base=float(blank_text @ blank_image),
                score=float(whole_text @ whole_image),
                blank_image_score=float(whole_text @ blank_image),
                blank_text_score=float(blank_text @ whole_image),
                text_factors=u.parts,
                image_factors=None if image_factors is None else image_factors.parts,
                quality=Quality(u.residual, along.residual, u.nodes, along.nodes),
            )
        )
    return parts


def take_margin_apart(
    text: Line, image: Line, image_factors: Integral | None, text_factors: Integral | None = None
) -> Parts:
    """The parts of the difference between two captions' scores on one image.

    Args:
        text: From the negative caption to the caption. Where they agree at its layer they contribute exactly 0.
        image: From the reference image to the image.
        image_factors: Those of `image`, if they were worked out before.
        text_factors: Those of `text`, likewise.

    Returns:
        As of a score, which is the margin. The image alone has no part in it, nor has the base.
    """
    u = factors(text) if text_factors is None else text_factors
    along = projections(image, image_factors, u.parts)  # [P, S]
    change = text.ends[1] - text.ends[0]
    return Parts(
        values=along.parts.T,
        text_main=u.parts @ image.ends[0],
        image_main=torch.zeros_like(along.parts[:, 0]),
        base=0.0,
        score=float(change @ image.ends[1]),
        blank_image_score=float(change @ image.ends[0]),
        blank_text_score=0.0,
        text_factors=u.parts,
        image_factors=None if image_factors is None else image_factors.parts,
        quality=Quality(u.residual, along.residual, u.nodes, along.nodes),
    )
