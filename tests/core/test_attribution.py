"""Reading an explanation: boxes against patches, spans, shares, and what two models say in one unit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hairsplit.core.attribution import Attribution, Contrast, Quality, Token, View
from hairsplit.core.attribution_pairs import compare
from hairsplit.core.errors import HairsplitError

TOKENS = (
    Token(9, "", 0, 0, None),
    Token(1, "red", 0, 3, 0),
    Token(2, "d", 4, 7, 1),
    Token(3, "og", 4, 7, 1),
    Token(8, "", 7, 7, None),
)


def attribution(seed: int = 0, **changes: Any) -> Attribution:
    """Random numbers that add up."""
    draw = np.random.default_rng(seed)
    values, classes, text, image = (draw.normal(size=shape) for shape in ((5, 2, 3), (5,), (5,), (2, 3)))
    settings: dict[str, Any] = {
        "caption": "red dog",
        "tokens": TOKENS,
        "values": values,
        "class_values": classes,
        "text_main": text,
        "image_main": image,
        "class_main": 0.25,
        "base": 0.5,
        "score": 0.75 + values.sum() + classes.sum() + text.sum() + image.sum() - 1e-3,
        "blank_image_score": 0.5 + text.sum(),
        "blank_text_score": 0.5 + image.sum(),
        "gap": 1e-3,
        "quality": Quality(1e-4, 2e-4, 8, 16),
        "view": View(2, 3, 8.0, (0.5, 0.5), (4.0, 0.0)),
        "logit_scale": 20.0,
        "config": {"score": "cosine", "text_layer": 0},
        "origin": {"model": "m"},
        "notes": ("a note",),
    }
    return Attribution(**settings | changes)


def test_words_and_their_sums() -> None:
    one = attribution()
    assert one.words == ("red", "dog")
    np.testing.assert_allclose(one.bars(), one.values.sum((1, 2))[[1, 2]] + [0, one.values[3].sum()])
    np.testing.assert_allclose(one.heat("dog"), one.values[2] + one.values[3])
    np.testing.assert_allclose(one.heat("red dog"), one.values[1:4].sum(0))
    np.testing.assert_allclose(one.heat(), one.values.sum(0))
    assert one.word_tokens((1, 2)).tolist() == [False, False, True, True, False]
    assert one.total == pytest.approx(one.score + one.gap, abs=1e-12)


def test_shares_of_what_no_picture_and_no_word_shows() -> None:
    one = attribution(values=np.full((5, 2, 3), -1.0), class_values=np.full(5, 2.0))
    assert one.class_share == pytest.approx(2 / 8)
    assert one.special_share == pytest.approx(2 / 5)
    empty = attribution(values=np.zeros((5, 2, 3)), class_values=np.zeros(5))
    assert (empty.class_share, empty.special_share) == (0, 0)


def test_boxes_are_in_pixels_of_the_picture() -> None:
    """The model's patch is 8 px, the picture is twice as large, and 8 of its pixels are cropped on the left."""
    view = attribution().view
    assert view.box(0, 0) == (8.0, 0.0, 24.0, 16.0)
    assert view.box(1, 2) == (40.0, 16.0, 56.0, 32.0)
    for row in range(2):
        for column in range(3):
            expected = np.zeros((2, 3))
            expected[row, column] = 1
            np.testing.assert_allclose(view.shares(view.box(row, column)), expected)
    np.testing.assert_allclose(view.shares((0.0, 0.0, 99.0, 99.0)), np.ones((2, 3)))
    np.testing.assert_allclose(view.shares((16.0, 8.0, 28.0, 20.0)), [[0.25, 0.125, 0], [0.125, 0.0625, 0]])
    one = attribution()
    shares = view.shares((16.0, 8.0, 28.0, 20.0))
    np.testing.assert_allclose(one.bars((16.0, 8.0, 28.0, 20.0))[0], (one.values[1] * shares).sum())


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 8.0, 32.0), (20.0, 5.0, 20.0, 9.0), (30.0, 9.0, 20.0, 12.0), (float("nan"), 8.0, 28.0, 20.0)]
)
def test_a_box_of_nothing_is_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(HairsplitError, match="covers no patch") as error:
        attribution().bars(box)
    assert "8, 0, 56, 32" in error.value.hint


def test_models_are_compared_in_one_unit() -> None:
    first, second = attribution(0), attribution(1, logit_scale=5.0)
    logits = compare(first, second)
    np.testing.assert_allclose(logits.values, 5 * second.values - 20 * first.values)
    np.testing.assert_allclose(logits.text_main, 5 * second.text_main - 20 * first.text_main)
    np.testing.assert_allclose(logits.image_main, 5 * second.image_main - 20 * first.image_main)
    assert logits.score == pytest.approx(5 * second.score - 20 * first.score)
    assert logits.blank_image_score == pytest.approx(5 * second.blank_image_score - 20 * first.blank_image_score)
    np.testing.assert_allclose(logits.one("first", first.values), 20 * first.values)
    np.testing.assert_allclose(logits.one("second", first.values), 5 * first.values)
    shares = compare(first, second, "share")
    one, two = (abs(side.values.sum() + side.class_values.sum()) for side in (first, second))
    np.testing.assert_allclose(shares.class_values, second.class_values / two - first.class_values / one)
    assert not compare(first, first).values.any()


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(HairsplitError, match="different captions"):
        compare(attribution(), attribution(caption="a dog"))
    with pytest.raises(HairsplitError, match="tokens"):
        compare(attribution(), attribution(tokens=(*TOKENS[:3], replace(TOKENS[3], id=7), TOKENS[4])))
    small = attribution(values=np.zeros((5, 1, 1)), image_main=np.zeros((1, 1)), view=View(1, 1, 8.0))
    with pytest.raises(HairsplitError, match="2 x 3 and 1 x 1 patches"):
        compare(attribution(), small)
    dot = attribution(config={"score": "dot"})
    for pair in ((dot, dot), (attribution(), dot)):
        with pytest.raises(HairsplitError, match="in common"):
            compare(*pair)
    assert not compare(dot, dot, "share").values.any()
    nothing = attribution(values=np.zeros((5, 2, 3)), class_values=np.zeros(5))
    with pytest.raises(HairsplitError, match="nothing to take shares of"):
        compare(attribution(), nothing, "share")


def contrast(*, direct: bool = True) -> Contrast:
    """Of "red dog" and "red cat"."""
    negative = (*TOKENS[:2], Token(4, "c", 4, 7, 1), Token(3, "og", 4, 7, 1), TOKENS[4])
    one, other = attribution(0), attribution(1)
    return Contrast(
        caption="red dog",
        negative="red cog",
        margin=one.score - other.score,
        blank_margin=0.125,
        direct=one if direct else None,
        negative_tokens=negative,
        positive_side=None if direct else one,
        negative_side=None if direct else other,
    )


def test_contrasts_name_what_changed() -> None:
    assert contrast().changed.tolist() == [False, False, True, False, False]
    assert contrast().gap == 1e-3
    assert contrast().reference_shift == 0
    indirect = contrast(direct=False)
    assert indirect.gap == 0
    shift = attribution(0).image_main.sum() - attribution(1).image_main.sum()
    assert indirect.reference_shift == pytest.approx(shift)
