"""Of a linear encoder the matrix is known: share of the word's colour in the patch, and 0 for all other words."""

import numpy as np
import pytest
from PIL import Image

from hairsplit.core.attribution import Attribution
from hairsplit.explain import ExplainConfig, Explainer, explain_box, explain_caption, explain_span
from hairsplit.explain.quadrature import Rule
from tests.explain.linear import COLOURS, COLUMNS, ROWS, SIZE, subject

CAPTION = "red square blue circle"
DOT = ExplainConfig(text_layer=0, image_layer=0, score="dot")


def picture() -> tuple[Image.Image, np.ndarray]:
    """Six patches of one colour each, and [rows, columns, colours] of them, 0 to 1."""
    colours = np.random.default_rng(0).integers(1, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)
    whole = colours.repeat(SIZE // ROWS, 0).repeat(SIZE // COLUMNS, 1)
    return Image.fromarray(whole), (colours / np.float32(255)).astype(np.float64)  # as preprocessing rounds


def explained(config: ExplainConfig = DOT) -> Attribution:
    made = Explainer(subject(), config)
    return explain_caption(made, made.image_side(picture()[0]), CAPTION)


@pytest.mark.parametrize("rule", ["adaptive", "gauss", "midpoint", "right"])
def test_the_matrix_is_the_colour_share(rule: Rule) -> None:
    shares = picture()[1]
    found = explained(ExplainConfig(text_layer=0, image_layer=0, score="dot", rule=rule, nodes=1))
    for n, word in enumerate(found.words):
        if word in COLOURS:
            expected = shares[..., COLOURS.index(word)] / (4 * ROWS * COLUMNS)
            np.testing.assert_allclose(found.values[n], expected, rtol=0, atol=1e-12)
        else:
            assert not found.values[n].any()
    assert found.values.shape == (4, ROWS, COLUMNS)
    assert not found.text_main.any()
    assert not found.image_main.any()
    assert (found.base, found.class_main) == (0.0, 0.0)
    assert abs(found.gap) < 1e-15
    assert found.score == pytest.approx(shares[..., [0, 2]].sum() / (4 * ROWS * COLUMNS), rel=1e-12)
    assert max(found.quality.residual_text, found.quality.residual_image) < 1e-12


def test_a_span_and_a_box_are_sums_of_the_matrix() -> None:
    made = Explainer(subject(), DOT)
    side, whole = made.image_side(picture()[0]), explained()
    span = explain_span(made, side, CAPTION, "blue circle")
    np.testing.assert_allclose(span.values, whole.heat("blue circle"), rtol=0, atol=1e-15)
    assert span.words == (2, 4)
    box = (0.0, 1.5, 2.0, 3.0)  # patches are 3 px here: half of the first, half of two thirds ...
    bars = explain_box(made, side, CAPTION, box)
    shares = whole.view.shares(box)
    np.testing.assert_allclose(bars.values, (whole.values * shares).sum((1, 2)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(whole.bars(box), bars.values, rtol=0, atol=1e-15)


def test_the_reference_takes_away_what_it_has() -> None:
    made = Explainer(subject(), DOT)
    side = made.image_side(picture()[0])
    found = explain_caption(made, side, "red square blue", reference="red circle green")
    assert not found.values[0].any()
    assert not found.values[1].any()
    shares = picture()[1]
    expected = (shares[..., 2] - shares[..., 1]) / (3 * ROWS * COLUMNS)
    np.testing.assert_allclose(found.values[2], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.image_main, (shares[..., 0] + shares[..., 1]) / (3 * ROWS * COLUMNS), atol=1e-12)
    assert abs(found.gap) < 1e-15
