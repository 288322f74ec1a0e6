"""Counts of n-grams, with those of an image's own captions taken away."""

import math

import pytest

from hairsplit.captions.from_text._ngrams import Elsewhere, Ngrams

TEXTS = ["A dog runs .", "A dog sleeps", "A cat sleeps on a mat", "Two cats"]


def corpus() -> Ngrams:
    made = Ngrams()
    for text in TEXTS:
        made.add(text)
    return made


def test_own_captions_are_taken_away() -> None:
    everything, others = Elsewhere(corpus(), []), Elsewhere(corpus(), TEXTS[:1])
    assert (everything.count("dog"), others.count("dog")) == (2, 1)
    assert (everything.count("a", "dog"), others.count("a", "dog")) == (2, 1)
    assert (everything.count("a", "dog", "runs"), others.count("a", "dog", "runs")) == (1, 0)
    assert others.captions == len(TEXTS) - 1
    without = Ngrams()
    for text in TEXTS[1:]:
        without.add(text)
    assert others.log_probability("A dog") == pytest.approx(Elsewhere(without, []).log_probability("A dog"), abs=1e-12)


def test_what_is_often_said_is_likelier() -> None:
    elsewhere = Elsewhere(corpus(), [])
    assert elsewhere.log_probability("A dog sleeps .") > elsewhere.log_probability("dog a sleeps .")
    assert elsewhere.log_probability("A cat sleeps") > elsewhere.log_probability("A horse sleeps")
    assert elsewhere.log_probability("A dog runs .") == elsewhere.log_probability("a dog runs")


def test_probabilities_of_what_follows_sum_to_less_than_one() -> None:
    elsewhere = Elsewhere(corpus(), [])
    vocabulary = sorted({word for text in TEXTS for word in text.lower().replace(".", "").split()})
    total = sum(math.exp(elsewhere.log_probability(word) - elsewhere.log_probability("")) for word in vocabulary)
    assert math.isfinite(total)
    assert all(elsewhere.log_probability(word) < 0 for word in [*vocabulary, "unheard"])


def test_the_order_of_captions_does_not_count() -> None:
    turned = Ngrams()
    for text in reversed(TEXTS):
        turned.add(text)
    assert turned.fingerprint() == corpus().fingerprint()
    turned.add("A dog")
    assert turned.fingerprint() != corpus().fingerprint()
