"""Mean average precision of zero-shot recognition: for each class, pictures ranked by their cosine with it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._aggregates import Judged, Number
from hairsplit.evaluate.benchmarks._benchmark import MultiLabelled
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.forgetting import class_embeddings
from hairsplit.evaluate.measure import Statistic
from hairsplit.evaluate.ranking import (
    FloatArray,
    IntArray,
    Ranking,
    average_precision,
    average_precision_chance,
    clustered,
    eleven_point_chance,
    eleven_point_precision,
    ranking,
)

OUTCOME = "average_precision"
MEAN, ELEVEN = "mAP", "mAP, 11-point"


def judge_multi_label(
    encoder: DualEncoder,
    suite: MultiLabelled,
    images: EmbeddedPictures,
    *,
    seed: int,
    kept: KeptEmbeddings | None = None,
) -> Judged:
    """Both forms of mAP over the classes that some picture shows, and the average precision of each such class.

    A picture without the class that ties with one that shows it stands before it. Chance is the mean over random orders
    of each class's pictures, averaged over classes. Pictures are resampled, each with all its labels.

    Raises:
        HairsplitError: No picture has a label.
    """
    rows = [images.number[picture] for picture, _, _ in suite.rows]
    classes = class_embeddings(encoder, suite.classes, suite.prompts, kept=kept)
    cosines = np.asarray(images.embeddings[rows] @ classes.T, float)
    ranked = _ranked(suite, cosines)
    if not ranked:
        hint = "add pictures of labels.jsonl that have one"
        raise HairsplitError("no picture that is there has a label", where="zero_shot_multi_label", hint=hint)
    orders = list(ranked.values())
    sizes = [(len(order.positives), len(order.negatives)) for order in orders]
    chances = [average_precision_chance(*size) for size in sizes]
    chance_of_eleven = [eleven_point_chance(*size, seed=seed) for size in sizes]

    def measures(weights: IntArray, *, ties_hit: bool = False) -> FloatArray:
        each = [average_precision(order, weights, ties_hit=ties_hit) for order in orders]
        eleven = [eleven_point_precision(order, weights, ties_hit=ties_hit) for order in orders]
        return np.stack([*each, _mean(each), _mean(eleven)])

    found = clustered(
        measures,
        np.arange(len(rows)),
        chance=[*chances, float(np.mean(chances)), float(np.mean(chance_of_eleven))],
        n=[*map(sum, sizes), len(rows), len(rows)],
        seed=seed,
    )
    *_, best, best_eleven = measures(np.ones((1, len(rows)), np.int64), ties_hit=True)[:, 0].tolist()
    parts = {name: positives for name, (positives, _) in zip(ranked, sizes, strict=True)}
    numbers = (
        Number(MEAN, OUTCOME, "groups", "scikit-learn, CLIP_benchmark", found[-2], best, parts, len(suite.classes)),
        Number(ELEVEN, OUTCOME, "groups", "CLIP, for VOC2007", found[-1], best_eleven, parts, len(suite.classes)),
    )
    kinds = {name: {OUTCOME: value} for name, value in zip(ranked, found, strict=False) if value is not None}
    return Judged(numbers, _statistics(suite, ranked, numbers, kinds), _table(suite, cosines), kinds)


def _statistics(
    suite: MultiLabelled,
    ranked: Mapping[str, Ranking],
    numbers: Sequence[Number],
    kinds: Mapping[str, Mapping[str, Estimate]],
) -> tuple[Statistic, ...]:
    """What two models are compared by."""
    clusters = tuple(str(n) for n in range(len(suite.rows)))

    def over_classes(of: Callable[[Ranking, IntArray], FloatArray]) -> Callable[[IntArray], FloatArray]:
        return lambda weights: _mean([of(order, weights) for order in ranked.values()])

    def of_class(order: Ranking) -> Callable[[IntArray], FloatArray]:
        return lambda weights: average_precision(order, weights)

    found = []
    for number, of in zip(numbers, (average_precision, eleven_point_precision), strict=True):
        if number.estimate is not None:
            told = (number.estimate.n, number.estimate.chance, number.published)
            found.append(Statistic(number.name, "aggregate", over_classes(of), clusters, *told))
    for name, estimates in kinds.items():
        value = estimates[OUTCOME]
        found.append(Statistic(name, "kind", of_class(ranked[name]), clusters, value.n, value.chance))
    return tuple(found)


def _ranked(suite: MultiLabelled, cosines: FloatArray) -> dict[str, Ranking]:
    """Class -> pictures in order, of the classes that some picture shows."""
    found = {}
    for label, name in enumerate(suite.classes):
        shown = [n for n, (_, labels, _) in enumerate(suite.rows) if label in labels]
        others = [n for n, (_, labels, unasked) in enumerate(suite.rows) if label not in labels | unasked]
        if shown:
            found[name] = ranking(cosines[:, label], shown, others)
    return found


def _mean(each: Sequence[FloatArray]) -> FloatArray:
    """Over classes, [b]; one that no picture of a resample shows is left out of its mean."""
    values = np.stack(each)  # [classes, b]
    defined = (~np.isnan(values)).sum(axis=0)
    mean: FloatArray = np.divide(
        np.nansum(values, axis=0), defined, out=np.full(values.shape[1], np.nan), where=defined > 0
    )
    return mean


def _table(suite: MultiLabelled, cosines: FloatArray) -> pa.Table:
    """A row per picture; cosines are in the order of the classes."""

    def named(labels: frozenset[int]) -> list[str]:
        return [suite.classes[label] for label in sorted(labels)]

    texts = pa.list_(pa.string())
    return pa.table(
        {
            "image": [picture.path for picture, _, _ in suite.rows],
            "labels": pa.array([named(labels) for _, labels, _ in suite.rows], texts),
            "difficult": pa.array([named(unasked) for _, _, unasked in suite.rows], texts),
            "cosines": pa.array(cosines.tolist(), pa.list_(pa.float64())),
        }
    )
