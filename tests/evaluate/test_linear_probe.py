"""Linear probe: splits that do not depend on order or model, C chosen on validation, chance where nothing is told."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.linear_probe import STRENGTHS, linear_probe, probe_measure, split_by_class

LABELS = [label for label in range(4) for _ in range(12)]
IMAGES = [f"{label}/{n}.png" for n, label in enumerate(LABELS)]


def around(centres: Matrix, noise: float, seed: int = 0) -> Matrix:
    found = centres[LABELS] + np.random.default_rng(seed).normal(scale=noise, size=(len(LABELS), centres.shape[1]))
    made: Matrix = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return made


def test_each_class_is_split_into_a_half_a_sixth_and_a_third() -> None:
    split = split_by_class(LABELS, IMAGES)
    for name, share in (("train", 6), ("validation", 2), ("test", 4)):
        assert np.bincount(np.array(LABELS)[split[name]]).tolist() == [share] * 4
    assert sorted(np.concatenate(list(split.values())).tolist()) == list(range(48))


def test_the_split_is_of_names_not_of_places() -> None:
    order = np.random.default_rng(1).permutation(48)
    moved = split_by_class([LABELS[n] for n in order], [IMAGES[n] for n in order])
    plain = split_by_class(LABELS, IMAGES)
    for name, places in plain.items():
        assert {IMAGES[n] for n in places} == {IMAGES[order[n]] for n in moved[name]}
    other = split_by_class(LABELS, IMAGES, seed=1)
    assert not np.array_equal(other["test"], plain["test"])


def test_four_pictures_are_the_fewest() -> None:
    split = split_by_class([0] * 4 + [1] * 4, [str(n) for n in range(8)])
    assert [len(split[name]) for name in ("train", "validation", "test")] == [4, 2, 2]
    with pytest.raises(HairsplitError, match="class 1 has 3 pictures"):
        split_by_class([0] * 4 + [1] * 3, [str(n) for n in range(7)])


def test_classes_that_lie_apart_are_told_apart() -> None:
    probe = linear_probe(around(np.eye(4, dtype=np.float32), 0.05), LABELS, split_by_class(LABELS, IMAGES))
    found = probe_measure(probe, IMAGES, 4).estimate(seed=0)
    assert (found.value, found.n, found.chance) == (1.0, 16, 0.25)
    assert found.low < 1


def test_a_constant_model_is_at_chance() -> None:
    constant: Matrix = np.full((48, 4), 0.5, np.float32)
    probe = linear_probe(constant, LABELS, split_by_class(LABELS, IMAGES))
    assert probe_measure(probe, IMAGES, 4).estimate(seed=0).value == 0.25
    assert probe.strength == STRENGTHS[0]  # all are equal: the one that regularises most


def test_c_is_the_one_that_validation_likes_best() -> None:
    """Against the same sweep written out, on embeddings so noisy that C matters."""
    embeddings = around(np.eye(4, dtype=np.float32), 0.9, seed=3)
    split = split_by_class(LABELS, IMAGES)
    labels = np.array(LABELS)
    reached = {}
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1_000)
        model.fit(embeddings[split["train"]].astype(np.float64), labels[split["train"]])
        reached[strength] = model.score(embeddings[split["validation"]], labels[split["validation"]])
    probe = linear_probe(embeddings, LABELS, split)
    assert len(set(reached.values())) > 1
    assert probe.strength == min(s for s, score in reached.items() if score == max(reached.values()))
    assert probe.validation == max(reached.values())
    both = np.concatenate([split["train"], split["validation"]])
    final = LogisticRegression(C=probe.strength, max_iter=1_000).fit(embeddings[both].astype(np.float64), labels[both])
    assert probe.hits.tolist() == (final.predict(embeddings[split["test"]]) == labels[split["test"]]).tolist()


def test_two_classes_work_too() -> None:
    labels, images = [0] * 6 + [1] * 6, [str(n) for n in range(12)]
    embeddings = np.eye(2, dtype=np.float32)[labels]
    assert linear_probe(embeddings, labels, split_by_class(labels, images)).hits.tolist() == [1.0] * 4
