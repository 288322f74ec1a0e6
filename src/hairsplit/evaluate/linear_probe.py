"""Linear probe: what the image embeddings alone still tell of the classes (Radford et al., 2021, appendix A.3).

Logistic regression by L-BFGS on frozen embeddings, its regularisation chosen on a validation split. It does not ask the
text tower, so what it loses was lost by the images; what only zero-shot loses was lost by the agreement of the towers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.measure import Measure

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SPLITS = ("train", "validation", "test")
STRENGTHS: tuple[float, ...] = tuple(10.0**power for power in range(-3, 7))
"""Values of scikit-learn's C that are tried. Embeddings have unit length, so large ones are not unusual."""
_ITERATIONS = 1_000
_FEWEST = 4
"""Pictures of a class: two to learn from, one to choose C by, one to judge."""


@dataclass(frozen=True)
class Probe:
    """What a probe got right of the pictures that it did not learn from."""

    hits: Floats
    """[test pictures] 1 where the probe names the class, else 0."""
    test: Ints
    """[test pictures] number of each among all pictures."""
    strength: float
    """C with the best validation accuracy; of several, the smallest, which regularises most."""
    validation: float
    """Accuracy on the validation split with that C."""


def split_by_class(labels: Sequence[int], images: Sequence[str], *, seed: int = 0) -> dict[str, Ints]:
    """Numbers of the pictures to learn from (half), to choose C by (a sixth) and to judge (a third), of each class.

    Pictures are ordered by a hash of seed and name, so the split is the same for every model and in every order of the
    set.

    Raises:
        HairsplitError: A class has fewer than four pictures.
    """
    parts: dict[str, list[int]] = {name: [] for name in SPLITS}
    of_class: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        of_class.setdefault(label, []).append(place)
    for label, places in sorted(of_class.items()):
        if len(places) < _FEWEST:
            raise HairsplitError(
                f"class {label} has {len(places)} pictures, and a linear probe needs {_FEWEST}",
                where="linear probe",
                hint="add pictures, or leave the probe out",
            )
        drawn = sorted(places, key=lambda place: number(seed, images[place], "probe"))
        judged, chosen = max(1, round(len(drawn) / 3)), max(1, round(len(drawn) / 6))
        parts["test"] += drawn[:judged]
        parts["validation"] += drawn[judged : judged + chosen]
        parts["train"] += drawn[judged + chosen :]
    return {name: np.array(sorted(places), np.int64) for name, places in parts.items()}


def linear_probe(embeddings: Matrix, labels: Sequence[int], split: Mapping[str, Ints]) -> Probe:
    """Choose C on the validation split, learn again from both, and judge the rest.

    Args:
        embeddings: [pictures, D] of unit length.
        labels: Class of each picture.
        split: See `split_by_class`.
    """
    features, classes = np.asarray(embeddings, np.float64), np.asarray(labels, np.int64)
    train, validation, test = (split[name] for name in SPLITS)
    reached = []
    for strength in STRENGTHS:
        fitted = _fitted(features[train], classes[train], strength)
        reached.append(float((fitted.predict(features[validation]) == classes[validation]).mean()))
    best = int(np.argmax(reached))  # the first, and so smallest, of equal ones
    both = np.concatenate([train, validation])
    final = _fitted(features[both], classes[both], STRENGTHS[best])
    hits = (final.predict(features[test]) == classes[test]).astype(np.float64)
    return Probe(hits, test, STRENGTHS[best], reached[best])


def probe_measure(probe: Probe, images: Sequence[str], classes: int) -> Measure:
    """Share of test pictures that the probe names rightly, each a cluster of its own."""
    judged = tuple(images[place] for place in probe.test)
    return Measure("linear probe", "overall", probe.hits, judged, chance=1 / classes)


def _fitted(features: Floats, classes: Ints, strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, solver="lbfgs", max_iter=_ITERATIONS).fit(features, classes)
