"""True and false statements ranked by their cosine with their pictures: what a threshold of any height would find."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from hairsplit.evaluate.benchmarks._aggregates import Number
from hairsplit.evaluate.benchmarks._benchmark import Statement
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.measure import Statistic
from hairsplit.evaluate.metrics import paired_cosines
from hairsplit.evaluate.ranking import auc, ranking

NAME, OUTCOME = "AUC of all statements", "auc"


def judge_statements(
    statements: Sequence[Statement],
    images: EmbeddedPictures,
    texts: Matrix,
    text_number: Mapping[str, int],
    *,
    seed: int,
) -> tuple[Number, Statistic, pa.Table]:
    """AUC over all pairs of a true and a false statement, of one picture or of two; pictures are resampled."""
    rows = np.array([images.number[one.image] for one in statements])
    captions = np.array([text_number[one.caption] for one in statements])
    cosines = paired_cosines(images.embeddings[rows], texts[captions])
    true = np.array([one.true for one in statements])
    ranked = ranking(cosines, np.flatnonzero(true), np.flatnonzero(~true))
    measure = Statistic(
        NAME,
        "aggregate",
        lambda weights: auc(ranked, weights),
        tuple(one.image.path for one in statements),
        len(statements),
        0.5,
        "ours; a tie is half",
    )
    found = measure.estimate(seed)
    table = pa.table(
        {
            "image": [one.image.path for one in statements],
            "caption": [one.caption for one in statements],
            "kind": [one.kind for one in statements],
            "true": pa.array(true, pa.bool_()),
            "cosine": cosines,
        }
    )
    known = None if math.isnan(found.value) else found
    return Number(NAME, OUTCOME, "items", measure.published, known, None), measure, table
