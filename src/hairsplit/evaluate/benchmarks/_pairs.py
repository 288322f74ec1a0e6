"""A benchmark of pairs as an ordinary evaluation, so that `hairsplit report` and comparisons read its folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from hairsplit.core.types import Pair
from hairsplit.evaluate.benchmarks._benchmark import Question
from hairsplit.evaluate.benchmarks._files import Pictures
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.suite import Scores, pair_scores


def as_pairs(
    name: str,
    items: Sequence[Question],
    *,
    pictures: Pictures,
    images: EmbeddedPictures,
    texts: Matrix,
    text_number: dict[str, int],
    seed: int,
) -> Scores | None:
    """The scores of items that are each one picture with a true and a false caption; None where any is not.

    Image names are paths relative to the folder of pictures; parts of one picture have its name.
    """
    if not items or any((len(item.images), len(item.captions), item.true) != (1, 2, 1) for item in items):
        return None
    shown = list(dict.fromkeys(item.images[0] for item in items))
    row = {picture: n for n, picture in enumerate(shown)}
    names = [Path(os.path.relpath(pictures.paths[picture], pictures.root)).as_posix() for picture in shown]
    pairs = []
    for item in items:
        path = names[row[item.images[0]]]
        pairs.append(
            Pair(
                image=path,
                image_id=Path(path).stem,
                caption=item.captions[0],
                negative=item.captions[1],
                kind=item.kind,
                source=name,
            )
        )
    embeddings = images.embeddings[[images.number[picture] for picture in shown]]
    return pair_scores(
        pairs,
        names,
        [row[item.images[0]] for item in items],
        image_embeddings=embeddings,
        text_number=text_number,
        text_embeddings=texts,
        seed=seed,
    )
