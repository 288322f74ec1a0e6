"""Which edits a model is fooled by: by kind and edit role, and which one wins where an image has several."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hairsplit.core.types import Estimate
from hairsplit.evaluate.statistics import clustered_mean, estimate_json, paired_difference

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Fooled:
    """Pairs of one kind and edit role."""

    kind: str
    """"" is all kinds."""
    role: str
    share: Estimate
    """Of the pairs whose false caption scores at least as high as the true one: a tie is a miss."""


@dataclass(frozen=True)
class Strongest:
    """How often the false caption that beats its true one by the most is of one edit role."""

    role: str
    share: Estimate
    """Of the images; chance is the mean share of the role among an image's false captions, so what the share would be
    if the strongest were any of them. n is images."""
    excess: Estimate
    """Share less chance, on the same images."""


def fooled(
    margins: ArrayLike, kinds: Sequence[str], roles: Sequence[str], clusters: Sequence[str], *, seed: int = 0
) -> list[Fooled]:
    """Share of pairs that fool the model: of each kind and edit role that occur together, and of each role alone.

    Args:
        margins: [n] cosine of the true caption less that of the false one.
        kinds: n kinds.
        roles: n roles of the edit, "" where it is not known; such pairs are left out.
        clusters: n labels, the image of each pair.
        seed: Of the resampling.

    Returns:
        Sorted by kind and role; all kinds (`kind` is "") last. Empty where no edit is known.
    """
    lost: FloatArray = (np.asarray(margins, np.float64) <= 0).astype(np.float64)
    of_kind, of_role, images = np.asarray(kinds, str), np.asarray(roles, str), np.asarray(clusters, str)
    together = sorted({pair for pair in zip(of_kind.tolist(), of_role.tolist(), strict=True) if pair[1]})
    every = [("", role) for role in sorted({role for _, role in together})]
    found = []
    for kind, role in [*together, *every]:
        mine = of_role == role if not kind else (of_role == role) & (of_kind == kind)
        found.append(Fooled(kind, role, clustered_mean(lost[mine], images[mine], chance=0.5, seed=seed)))
    return found


def strongest(margins: ArrayLike, roles: Sequence[str], clusters: Sequence[str], *, seed: int = 0) -> list[Strongest]:
    """Of the images of which a pair is wrong, how often the pair with the lowest margin is of each edit role.

    Only images with false captions of two roles or more are asked, for the others leave no choice. Equal margins share
    the image among them, so that a model to which all captions are the same gets the chance.

    Args:
        margins: [n] as in `fooled`.
        roles: n roles, "" where the edit is not known.
        clusters: n labels, the image of each pair.
        seed: Of the resampling.

    Returns:
        A role each, those furthest above chance first; empty where no such image is.
    """
    known = np.asarray(roles, str) != ""
    worth = np.asarray(margins, np.float64)[known]
    names, role = np.unique(np.asarray(roles, str)[known], return_inverse=True)
    images, image = np.unique(np.asarray(clusters, str)[known], return_inverse=True)
    if len(names) < 2:
        return []
    lowest = np.full(len(images), np.inf)
    np.minimum.at(lowest, image, worth)
    offered = _counts(image, role, (len(images), len(names)))
    asked = (lowest <= 0) & ((offered > 0).sum(axis=1) >= 2)
    if not asked.any():
        return []
    at_the_top = worth == lowest[image]
    won = _counts(image[at_the_top], role[at_the_top], offered.shape)
    share, chance = (counts[asked] / counts[asked].sum(axis=1, keepdims=True) for counts in (won, offered))
    found = []
    for column, name in enumerate(names.tolist()):
        if not chance[:, column].any():
            continue
        level = float(chance[:, column].mean())
        estimate = clustered_mean(share[:, column], images[asked], chance=level, seed=seed)
        excess = paired_difference(chance[:, column], share[:, column], images[asked], seed=seed)
        found.append(Strongest(name, estimate, excess))
    return sorted(found, key=lambda one: (-one.excess.value, one.role))


def _counts(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, ...]) -> FloatArray:
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64)


def edits_json(cells: Sequence[Fooled], top: Sequence[Strongest]) -> dict[str, Any] | None:
    """`edits` of metrics.json; null where no edit is known."""
    if not cells:
        return None
    return {
        "fooled": [
            {"kind": cell.kind or None, "edit_role": cell.role, "share": estimate_json(cell.share)} for cell in cells
        ],
        "strongest": [
            {"edit_role": one.role, "share": estimate_json(one.share), "excess": estimate_json(one.excess)}
            for one in top
        ],
    }
