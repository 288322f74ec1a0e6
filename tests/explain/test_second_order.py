"""The four parts are the score, whichever engine they come from, and the towers play the same role."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from hairsplit.explain.lines import Engine, Line
from hairsplit.explain.quadrature import Quadrature
from hairsplit.explain.second_order import factors, projections, take_apart, take_margin_apart
from hairsplit.explain.towers import undisturbed
from tests.explain import oracle
from tests.explain.small import encoder, image_line, text_line

TOLERANCE = 1e-3
LAYERS = [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)]


def lines(text: int, image: int, *, engine: Engine = "auto", length: float | None = None) -> tuple[Line, Line]:
    made, how = encoder(sharp=4.0), Quadrature(tolerance=TOLERANCE)
    words = text_line(made, text, engine=engine, length=length, how=how)
    return words, image_line(made, image, engine=engine, length=length, how=how)


@pytest.mark.parametrize("length", [None, 1.0])
@pytest.mark.parametrize("engine", ["auto", "mixed"])
@pytest.mark.parametrize("layers", LAYERS)
def test_the_parts_add_up_to_the_score(layers: tuple[int, int], engine: Engine, length: float | None) -> None:
    text, image = lines(*layers, engine=engine, length=length)
    with undisturbed(torch.nn.Module()):
        parts = take_apart(text, image, None)
    assert parts.score == pytest.approx(float(text.ends[1] @ image.ends[1]), abs=1e-12)
    size = 1 if length is None else float(text.ends[1].norm() * image.ends[1].norm())
    assert abs(parts.gap) <= 5 * TOLERANCE * size
    whole = parts.base + parts.values.sum() + parts.text_main.sum() + parts.image_main.sum()
    assert parts.gap == pytest.approx(float(whole) - parts.score, abs=1e-12)
    by_terms = parts.score - parts.blank_image_score - parts.blank_text_score + parts.base
    assert float(parts.values.sum()) == pytest.approx(by_terms, abs=5 * TOLERANCE * size)
    assert parts.base + float(parts.text_main.sum()) == pytest.approx(parts.blank_image_score, abs=5 * TOLERANCE * size)
    assert parts.base + float(parts.image_main.sum()) == pytest.approx(parts.blank_text_score, abs=5 * TOLERANCE * size)


@pytest.mark.parametrize("layers", LAYERS)
def test_known_factors_and_reverse_mode_give_one_matrix(layers: tuple[int, int]) -> None:
    text, image = (replace(line, how=Quadrature(rule="gauss", nodes=5)) for line in lines(*layers))
    with undisturbed(torch.nn.Module()):
        known = factors(image)
        by_factors, by_reverse = take_apart(text, image, known), take_apart(text, replace(image, engine="mixed"), None)
    assert_close(by_factors.values, by_reverse.values, rtol=0.0, atol=1e-12)
    assert_close(by_factors.image_main, by_reverse.image_main, rtol=0.0, atol=1e-12)
    assert_close(by_factors.values, oracle.interactions(by_factors.text_factors, known.parts), rtol=0.0, atol=1e-12)
    assert by_reverse.image_factors is None
    assert by_factors.image_factors is known.parts


def test_swapping_the_towers_transposes_the_matrix() -> None:
    text, image = (replace(line, how=Quadrature(rule="gauss", nodes=5)) for line in lines(0, 0))
    with undisturbed(torch.nn.Module()):
        one, other = take_apart(text, image, None), take_apart(image, text, None)
    assert_close(one.values, other.values.T, rtol=0.0, atol=1e-12)
    assert_close(one.text_main, other.image_main, rtol=0.0, atol=1e-12)
    assert_close(one.image_main, other.text_main, rtol=0.0, atol=1e-12)


def test_projections_are_of_the_vectors_that_were_given() -> None:
    image = replace(lines(0, 1)[1], how=Quadrature(rule="gauss", nodes=5))
    vectors = torch.randn(3, 8, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    with undisturbed(torch.nn.Module()):
        expected = factors(image).parts @ vectors.T
        assert_close(projections(image, None, vectors).parts, expected, rtol=0.0, atol=1e-12)


def test_the_parts_of_a_margin_add_up_to_it() -> None:
    text, image = lines(0, 0)
    with undisturbed(torch.nn.Module()):
        parts = take_margin_apart(text, image, None)
    change = text.ends[1] - text.ends[0]
    assert parts.score == pytest.approx(float(change @ image.ends[1]), abs=1e-12)
    assert parts.blank_image_score == pytest.approx(float(change @ image.ends[0]), abs=1e-12)
    assert float(parts.text_main.sum()) == pytest.approx(parts.blank_image_score, abs=5 * TOLERANCE)
    assert abs(parts.gap) <= 5 * TOLERANCE
    assert not parts.image_main.any()
    assert parts.base == 0
