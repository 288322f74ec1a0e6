"""True and false statements ranked by their cosine with their pictures: what a threshold of any height would find."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from hairsplit.evaluate.benchmarks._aggregates import Number
from hairsplit.evaluate.benchmarks._benchmark import Statement
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.metrics import paired_cosines
from hairsplit.evaluate.ranking import auc, clustered, ranking

OUTCOME = "auc"


def judge_statements(
    statements: Sequence[Statement],
    images: EmbeddedPictures,
    texts: Matrix,
    text_number: Mapping[str, int],
    *,
    seed: int,
) -> tuple[Number, pa.Table]:
    """AUC over all pairs of a true and a false statement, of one picture or of two; pictures are resampled."""
    rows = np.array([images.number[one.image] for one in statements])
    captions = np.array([text_number[one.caption] for one in statements])
    cosines = paired_cosines(images.embeddings[rows], texts[captions])
    true = np.array([one.true for one in statements])
    ranked = ranking(cosines, np.flatnonzero(true), np.flatnonzero(~true))
    clusters = np.unique([one.image.path for one in statements], return_inverse=True)[1]
    (found,) = clustered(
        lambda weights: auc(ranked, weights)[None], clusters, chance=[0.5], n=[len(statements)], seed=seed
    )
    table = pa.table(
        {
            "image": [one.image.path for one in statements],
            "caption": [one.caption for one in statements],
            "kind": [one.kind for one in statements],
            "true": pa.array(true, pa.bool_()),
            "cosine": cosines,
        }
    )
    return Number("AUC of all statements", OUTCOME, "items", "ours; a tie is half", found, None), table
