"""Rules converge as they should, the adaptive one meets its tolerance, and the residual says what is missing."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from hairsplit.explain import quadrature
from hairsplit.explain.quadrature import Integral, Quadrature, Rule, fixed_nodes, integrate


def value(alpha: Tensor) -> Tensor:
    """A curve in the plane that bends sharply at 0.3."""
    return torch.stack([torch.atan(30 * (alpha - 0.3)), torch.sin(3 * alpha)], dim=1)


def slopes(alpha: Tensor) -> Tensor:
    """Of two parts, a quarter and three quarters of it."""
    whole = torch.stack([30 / (1 + (30 * (alpha - 0.3)).square()), 3 * torch.cos(3 * alpha)], dim=1)
    return torch.stack([whole / 4, 3 * whole / 4], dim=1)


def run(how: Quadrature) -> Integral:
    first, last = value(torch.tensor([0.0, 1.0], dtype=torch.float64))
    return integrate(slopes, value, (first, last), (last - first).norm(), how)


@pytest.mark.parametrize("rule", ["gauss", "midpoint", "right"])
@pytest.mark.parametrize("count", [1, 2, 7, 49, 98])
def test_weights_sum_to_one_and_nodes_are_counted(rule: Rule, count: int) -> None:
    at, weight = fixed_nodes(rule, count)
    assert len(at) == len(weight) == count
    assert weight.sum() == pytest.approx(1, abs=1e-14)
    assert at.min() > 0
    assert at.max() <= 1


@pytest.mark.parametrize(("rule", "order"), [("right", 1), ("midpoint", 2)])
def test_error_falls_with_the_order_of_the_rule(rule: Rule, order: int) -> None:
    few, many = (run(Quadrature(rule=rule, nodes=n)).residual for n in (400, 800))
    assert math.log2(few / many) == pytest.approx(order, rel=0.2)


def test_gauss_converges_faster_than_any_power() -> None:
    errors = [run(Quadrature(rule="gauss", nodes=n)).residual for n in (20, 40, 80)]
    assert errors[1] / errors[2] > 2 * errors[0] / errors[1]
    assert errors[2] < 1e-3


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3, 1e-6, 1e-10])
def test_the_adaptive_rule_meets_its_tolerance_part_by_part(tolerance: float) -> None:
    found = run(Quadrature(tolerance=tolerance))
    assert found.residual <= tolerance
    first, last = value(torch.tensor([0.0, 1.0], dtype=torch.float64))
    whole = (last - first).norm()
    for part, share in zip(found.parts, (0.25, 0.75), strict=True):
        assert float((part - share * (last - first)).norm() / whole) <= tolerance


def test_a_smaller_tolerance_takes_more_nodes() -> None:
    counts = [run(Quadrature(tolerance=t)).nodes for t in (1e-1, 1e-3, 1e-6)]
    assert counts == sorted(set(counts))


def test_the_residual_tells_that_parts_are_wrong() -> None:
    first, last = value(torch.tensor([0.0, 1.0], dtype=torch.float64))
    wrong = integrate(lambda a: 1.1 * slopes(a), value, (first, last), (last - first).norm(), Quadrature())
    assert wrong.residual == pytest.approx(0.1, rel=1e-2)


def test_numbers_by_themselves_are_each_held_to_their_own_scale() -> None:
    def small(alpha: Tensor) -> Tensor:
        return value(alpha) * torch.tensor([1e-4, 1.0])

    first, last = small(torch.tensor([0.0, 1.0], dtype=torch.float64))

    def moves(alpha: Tensor) -> Tensor:
        return slopes(alpha) * torch.tensor([1e-4, 1.0])

    found = integrate(moves, small, (first, last), (last - first).abs(), Quadrature(tolerance=1e-4))
    assert (found.parts.sum(0) - (last - first)).abs().numpy() == pytest.approx(0, abs=1e-4 * abs(float(last[0])))
    assert found.residual <= 1e-4


def test_nothing_missing_of_nothing_is_no_error() -> None:
    zero = torch.zeros(2, dtype=torch.float64)
    found = integrate(
        lambda a: torch.zeros(len(a), 1, 2, dtype=torch.float64),
        lambda a: torch.zeros(len(a), 2, dtype=torch.float64),
        (zero, zero),
        torch.tensor(0.0, dtype=torch.float64),
        Quadrature(),
    )
    assert found.residual == 0
    assert not np.isnan(found.parts.numpy()).any()


def test_a_hopeless_line_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts that never add up are not looked into for ever."""
    first, last = value(torch.tensor([0.0, 1.0], dtype=torch.float64))
    whole = (last - first).norm()
    for most, expected in ((2048, 2048), (100, 100), (8, 8)):
        monkeypatch.setattr(quadrature, "MOST_NODES", most)
        found = integrate(lambda a: 2 * slopes(a), value, (first, last), whole, Quadrature(tolerance=1e-9))
        assert expected / 2 < found.nodes <= expected
        assert found.residual == pytest.approx(1, abs=0.1 if most > 8 else 1)


def test_a_jump_ends_the_search() -> None:
    """No node resolves it; the residual says so."""

    def step(alpha: Tensor) -> Tensor:
        return (alpha > 0.3).double().unsqueeze(1)

    calls = []

    def flat(alpha: Tensor) -> Tensor:
        calls.append(len(alpha))
        return torch.zeros(len(alpha), 1, 1, dtype=torch.float64)

    first, last = step(torch.tensor([0.0, 1.0], dtype=torch.float64))
    found = integrate(flat, step, (first, last), torch.tensor(1.0, dtype=torch.float64), Quadrature())
    assert found.residual == 1
    assert sum(calls) == found.nodes < 120


def test_of_numbers_by_themselves_the_worst_is_told() -> None:
    """x and x squared: four right endpoints are exact for the first and a quarter too large for the second."""

    def slope(x: Tensor) -> Tensor:
        return torch.stack([torch.ones_like(x), 2 * x], dim=1).unsqueeze(1)

    def value(x: Tensor) -> Tensor:
        return torch.stack([x, x.square()], dim=1)

    ends = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    found = integrate(slope, value, ends, torch.ones(2, dtype=torch.float64), Quadrature(rule="right", nodes=4))
    assert found.residual == pytest.approx(0.25, abs=1e-12)
