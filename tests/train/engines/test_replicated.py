"""One process: the engine adds nothing, and clips the norm that it tells."""

import math

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from hairsplit.train.engines.replicated import Replicated, skeleton
from tests.train import ranks


def test_clipping_tells_the_norm_before_it_and_zero_clips_nothing() -> None:
    chosen = Replicated(Accelerator(cpu=True))
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.tensor([3.0, 4.0])
    assert chosen.clip([p], 0.0) == 5.0
    assert p.grad.tolist() == [3.0, 4.0]
    assert chosen.clip([p], 1.0) == 5.0
    assert p.grad.tolist() == pytest.approx([0.6, 0.8], rel=1e-5)


def test_a_weight_that_is_not_finite_is_found() -> None:
    chosen, made = Replicated(Accelerator(cpu=True)), ranks.encoder("full_encoder")
    chosen.prepare(made, lambda: torch.optim.SGD(made.parameters(), lr=0.1))
    assert chosen.finite()
    with torch.no_grad():
        next(made.parameters()).view(-1)[0] = torch.inf
    assert not chosen.finite()
    assert chosen.whole(chosen.model()) is made


def test_only_the_main_process_has_room_for_the_whole() -> None:
    made = ranks.encoder("full_encoder")
    assert skeleton(made, main=False) is None
    copy = skeleton(made, main=True)
    assert copy is not None
    assert not copy.training
    assert not any(p.requires_grad for p in copy.parameters())
    assert all(p.requires_grad for p in made.parameters())


def parameters(size: float) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    made = [nn.Parameter(torch.zeros(shape)) for shape in ((3, 4), (5,), (2, 2))]
    for one in made[:2]:  # the last has no gradient
        one.grad = torch.randn(one.shape, generator=generator)
    norm = math.sqrt(sum(float(one.grad.square().sum()) for one in made if one.grad is not None))
    for one in made[:2]:
        assert one.grad is not None
        one.grad *= size / norm
    return made


@pytest.mark.parametrize("size", [0.5, 1 - 1e-6, 1 - 3e-7, 1.0, 1 + 1e-6, 7.0])
@pytest.mark.parametrize("most", [0.0, 1.0])
def test_clipping_is_that_of_torch(size: float, most: float) -> None:
    ours, theirs = parameters(size), parameters(size)
    norm = Replicated(Accelerator(cpu=True)).clip(iter(ours), most)
    expected = torch.nn.utils.clip_grad_norm_(theirs, most or math.inf)
    assert norm == float(expected)
    assert norm == pytest.approx(size, rel=1e-6)
    for one, two in zip(ours, theirs, strict=True):
        assert (one.grad is None) == (two.grad is None)
        assert one.grad is None or two.grad is None or torch.equal(one.grad, two.grad)


def test_a_gradient_that_is_not_finite_has_no_finite_norm() -> None:
    broken = parameters(1.0)
    assert broken[0].grad is not None
    broken[0].grad[0, 0] = math.nan
    assert math.isnan(Replicated(Accelerator(cpu=True)).clip(broken, 1.0))
