import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from hairsplit.captions._balance_columns import Lists, columns_of
from hairsplit.captions._balance_readers import READERS, Features, accuracy, pmi, pmi_of_halves
from hairsplit.captions._balance_slots import around_edit
from hairsplit.core.run import stream
from hairsplit.evaluate.statistics import clustered_mean
from tests.captions.made_pairs import fair, made, own_colour, pair

words = st.lists(st.sampled_from(["a", "red", "cup", "is", "on", "of", "the", "it"]), min_size=1, max_size=9)


def features(pairs: list[Any]) -> Features:
    columns = columns_of(pairs, seed=0)
    return Features(columns, np.arange(len(columns)), pmi_of_halves(columns))


@given(words, words)
def test_texts_cut_down_to_their_edit_differ_in_the_same_n_grams(one: list[str], two: list[str]) -> None:
    for options in (
        {"ngram_range": (1, 2), "token_pattern": r"\w+"},
        {"ngram_range": (2, 4), "analyzer": "char"},
    ):
        counter = CountVectorizer(**options)
        whole, cut = (" ".join(one), " ".join(two)), around_edit(" ".join(one), " ".join(two))
        found = []
        for texts in (whole, cut):
            counts = [dict(counter_of(counter, text)) for text in texts]
            keys = counts[0].keys() | counts[1].keys()
            found.append({k: n for k in keys if (n := counts[0].get(k, 0) - counts[1].get(k, 0))})
        assert found[0] == found[1]


def counter_of(vectorizer: CountVectorizer, text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for gram in vectorizer.build_analyzer()(text):
        found[gram] = found.get(gram, 0) + 1
    return found


def test_learned_readers_judge_a_half_by_the_other_alone() -> None:
    """What one half says is turned round: its readings of the other half turn round, and only those."""
    given_pairs = made(2000, own_colour, nouns=8)
    columns = columns_of(given_pairs, seed=0)
    half = columns.half
    turned = list(given_pairs)
    for row in columns.row[half]:
        p = turned[row]
        assert p.edit is not None
        turned[row] = pair(int(p.image_id), p.caption.split()[1], p.edit.after, p.edit.before)
    before, after = features(given_pairs), features(turned)
    everything = np.ones(len(given_pairs), bool)
    rows = {r: i for i, r in enumerate(columns.row.tolist())}
    order = [rows[r] for r in after.columns.row.tolist()]
    for reader in ("words", "characters"):
        one, two = before.gaps(everything)[reader][order], after.gaps(everything)[reader]
        unseen = ~after.half  # judged by the half that was turned
        assert np.allclose(one[unseen], -two[unseen], atol=0.05)
        assert np.allclose(one[~unseen], -two[~unseen], atol=0.05)  # the texts themselves were turned
        assert (one != 0).mean() > 0.9


def test_readers_learn_only_from_what_is_kept() -> None:
    look = features(made(2000, own_colour, nouns=8))
    nothing = look.gaps(np.zeros(2000, bool))
    assert not nothing["words"].any()
    assert not nothing["characters"].any()
    assert set(nothing) == set(READERS)


def test_pmi_agrees_with_its_definition() -> None:
    """Captions: red cup, red cup, blue cup, red bowl."""
    said = [("cup", "red", 0), ("cup", "red", 1), ("cup", "blue", 2), ("bowl", "red", 3)]
    columns = columns_of([pair(i, noun, true, "green") for noun, true, i in said], seed=0)
    weights = pmi(columns, np.arange(4))
    found = dict(zip(columns.combinations, weights.tolist(), strict=True))

    def log(together: float, first: float, second: float) -> float:
        return math.log(((together + 0.5) / 5) / (((first + 0.5) / 5) * ((second + 0.5) / 5)))

    assert found["attribute", "red", "cup"] == pytest.approx(log(2, 3, 3))
    assert found["attribute", "blue", "cup"] == pytest.approx(log(1, 1, 3))
    assert found["attribute", "green", "cup"] == pytest.approx(log(0, 0, 3))
    assert found["attribute", "red", "bowl"] == pytest.approx(log(1, 3, 1))


def test_a_caption_with_several_negatives_is_counted_once() -> None:
    pairs = [pair(0, "cup", "red", "blue"), pair(0, "cup", "red", "green"), pair(1, "cup", "red", "blue")]
    columns = columns_of(pairs, seed=0)
    assert len(columns.said.values) == 2


@given(st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=1, max_size=8), st.data())
def test_lists_are_taken_and_summed_like_lists(lists: list[list[int]], data: st.DataObject) -> None:
    starts = np.cumsum([0, *map(len, lists)])
    values = np.array([v for part in lists for v in part], np.int64)
    weights = np.array([0.5, -1, 2, 4, 8])
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=9))
    taken = Lists(starts, values).take(np.array(rows, np.int64))
    assert taken.sums(weights).tolist() == [sum(weights[v] for v in lists[row]) for row in rows]


def test_the_interval_agrees_with_the_bootstrap_over_images() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 300, 3000).astype(np.uint64)
    lean = rng.normal(0.3, 1, 300)[images]  # pairs of an image go together
    gaps = np.where(rng.random(3000) < 0.1, 0.0, lean + rng.normal(0, 0.5, 3000))
    found = accuracy(gaps, images)
    expected = clustered_mean((gaps > 0) + 0.5 * (gaps == 0), images.astype(np.int64))
    assert found.value == pytest.approx(expected.value)
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)
    assert found.high - found.low > 0.08  # as independent pairs they would give 0.035


def test_unknown_intervals_are_unknown_and_certain_ones_have_a_width() -> None:
    assert math.isnan(accuracy(np.ones(5), np.zeros(5, np.uint64)).low)
    assert math.isnan(accuracy(np.empty(0), np.empty(0, np.uint64)).value)
    always = accuracy(np.ones(30), np.arange(30, dtype=np.uint64))
    never = accuracy(-np.ones(30), np.arange(30, dtype=np.uint64))
    assert (always.value, always.high) == (1, 1)
    assert 0.85 < always.low < 0.9
    assert never.high == pytest.approx(1 - always.low)


def test_halves_are_of_images_and_about_equal() -> None:
    columns = columns_of(made(4000, fair), seed=0)
    halves: dict[int, set[bool]] = {}
    for image, half in zip(columns.image.tolist(), columns.half.tolist(), strict=True):
        halves.setdefault(image, set()).add(half)
    assert all(len(found) == 1 for found in halves.values())
    assert 0.45 < columns.half.mean() < 0.55
    rng = stream(0)
    assert columns_of(rng.sample(made(400, fair), 400), seed=0).row.tolist() != list(range(400))
