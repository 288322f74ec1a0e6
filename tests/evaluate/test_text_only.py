"""The blind reader finds what wording gives away, and nothing where there is nothing."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from hairsplit.core.run import stream
from hairsplit.evaluate.text_only import TextOnlyBaseline, text_only_baseline

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
SHAPES = ("cube", "ball", "cone", "ring", "star", "cross")
Table = tuple[list[str], list[str], list[str], list[str]]


def balanced(n: int, seed: int = 0) -> Table:
    """Colour replaced by another at random: wording says nothing."""
    rng, rows = stream(seed, "balanced"), []
    for i in range(n):
        (true, false), shape = rng.sample(COLOURS, 2), rng.choice(SHAPES)
        rows.append((f"a {true} {shape}", f"a {false} {shape}", "attribute", f"img{i // 2}"))
    return tuple(list(column) for column in zip(*rows, strict=True))  # type: ignore[return-value]


def test_a_word_that_only_negatives_hold_is_found() -> None:
    captions, _, kinds, images = balanced(60)
    result = text_only_baseline(captions, [f"{caption} not" for caption in captions], kinds, images)
    assert result.overall is not None
    assert result.strict is not None
    assert result.overall.value == result.strict.value == 1.0
    assert result.overall.n == result.n_used == result.n_total == 60
    assert result.overall.chance == 0.5
    assert result.overall.low < 1.0


@pytest.mark.parametrize("give_away", [" .", " a", " 2"])
def test_punctuation_single_letters_and_digits_give_a_pair_away(give_away: str) -> None:
    captions, _, kinds, images = balanced(40)
    result = text_only_baseline(captions, [caption + give_away for caption in captions], kinds, images)
    assert result.overall is not None
    assert result.overall.value == 1.0


def test_word_order_is_read_from_bigrams() -> None:
    captions = [f"the {colour} {shape} is here" for colour in COLOURS for shape in SHAPES]
    negatives = [f"the {shape} {colour} is here" for colour in COLOURS for shape in SHAPES]
    result = text_only_baseline(captions, negatives, ["order"] * 36, [f"img{i}" for i in range(36)])
    assert result.overall is not None
    assert result.overall.value > 0.9


def test_balanced_wording_is_at_chance() -> None:
    captions, negatives, kinds, images = balanced(2_000)
    result = text_only_baseline(captions, negatives, kinds, images, resamples=500)
    assert result.overall is not None
    assert 0.45 < result.overall.value < 0.55


def test_identical_features_are_ties_that_count_half_and_strictly_as_misses() -> None:
    captions, _, _, images = balanced(40)
    negatives = [caption if i < 10 else f"{caption} not" for i, caption in enumerate(captions)]
    kinds = ["same" if i < 10 else "told" for i in range(40)]
    result = text_only_baseline(captions, negatives, kinds, images)
    assert result.ties == 10
    assert result.overall is not None
    assert result.strict is not None
    assert result.mean_of_kinds is not None
    assert result.overall.value == pytest.approx((10 * 0.5 + 30) / 40)
    assert result.strict.value == pytest.approx(30 / 40)
    assert result.by_kind["same"].value == 0.5
    assert result.mean_of_kinds.value == pytest.approx(0.75)
    assert "10 ties count 1/2" in result.note


def test_a_set_of_nothing_but_ties_is_at_chance() -> None:
    captions, _, kinds, images = balanced(20)
    result = text_only_baseline(captions, captions, kinds, images)
    assert result.overall is not None
    assert result.strict is not None
    assert (result.overall.value, result.strict.value, result.ties) == (0.5, 0.0, 20)


def test_words_unseen_in_training_are_a_tie() -> None:
    captions = [f"true{i}" for i in range(12)]  # each word occurs on one image only
    result = text_only_baseline(captions, [f"false{i}" for i in range(12)], ["k"] * 12, captions)
    assert result.ties == 12


def test_an_image_is_never_on_both_sides() -> None:
    """Twenty images, each with its own give-away word: known only to who has seen the image."""
    captions = [f"sign{i // 5} a" for i in range(100)]
    negatives = [f"other{i // 5} a" for i in range(100)]
    images = [f"img{i // 5}" for i in range(100)]
    result = text_only_baseline(captions, negatives, ["k"] * 100, images)
    assert result.ties == 100


def test_agrees_with_a_plain_logistic_regression_on_dense_differences() -> None:
    """Oracle: no sparse trick, each pair once, every second one turned round, scikit-learn's own C = 1."""
    captions, negatives, kinds, images = balanced(120)
    negatives = [text + (" there" if i % 3 else "") for i, text in enumerate(negatives)]
    captions = [text + (" there" if i % 4 == 0 else "") for i, text in enumerate(captions)]
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")  # noqa: S106 - no password
    counts.fit(captions + negatives)
    differences = counts.transform(captions).toarray() - counts.transform(negatives).toarray()
    sign, scores = np.where(np.arange(120) % 2, 1, -1), np.zeros(120)
    for train, test in GroupKFold(5).split(differences, groups=images):
        model = LogisticRegression(fit_intercept=False, tol=1e-8, max_iter=5_000)
        model.fit(differences[train] * sign[train, None], sign[train])
        scores[test] = model.decision_function(differences[test])
    clear = np.abs(scores) > 0.02  # nearer to the boundary the two solvers' tolerances may decide
    result = text_only_baseline(captions, negatives, kinds, images)
    assert clear.sum() > 100
    assert result.credits[clear].tolist() == (scores[clear] > 0).tolist()


def equal(one: TextOnlyBaseline, two: TextOnlyBaseline) -> bool:
    return one == two and np.array_equal(one.credits, two.credits) and np.array_equal(one.rows, two.rows)


def test_the_same_input_gives_the_same_baseline() -> None:
    table = balanced(200)
    assert equal(text_only_baseline(*table, seed=3), text_only_baseline(*table, seed=3))


def test_a_large_set_is_sampled_by_seed_and_says_so() -> None:
    table = balanced(200)
    result = text_only_baseline(*table, most_pairs=50)
    assert (result.n_used, result.n_total, len(np.unique(result.rows))) == (50, 200, 50)
    assert "a sample of 50 of 200 pairs" in result.note
    assert equal(result, text_only_baseline(*table, most_pairs=50))
    assert not np.array_equal(result.rows, text_only_baseline(*table, most_pairs=50, seed=1).rows)


def test_tiny_sets_have_no_baseline_and_a_reason() -> None:
    captions, negatives, kinds, images = balanced(9)
    few = text_only_baseline(captions, negatives, kinds, images)
    assert (few.overall, few.by_kind, few.n_total) == (None, {}, 9)
    assert few.note == "no text-only baseline: 9 pairs to learn from, too few (at least 10)"
    captions, negatives, kinds, _ = balanced(30)
    one = text_only_baseline(captions, negatives, kinds, ["one"] * 30)
    assert one.overall is None
    assert one.reason is not None
    assert "holding out images needs two" in one.reason
    blank = text_only_baseline([" "] * 30, [""] * 30, kinds, [str(i) for i in range(30)])
    assert blank.reason == "the captions hold no word"
    assert text_only_baseline([], [], [], []).reason is not None


def test_two_images_are_enough_however_uneven() -> None:
    captions, _, kinds, _ = balanced(12)
    negatives = [f"{caption} not" for caption in captions]
    result = text_only_baseline(captions, negatives, kinds, ["many"] * 11 + ["few"])
    assert result.overall is not None
    assert result.overall.value == 1.0
