"""One process: the engine adds nothing, and clips the norm that it tells."""

import pytest
import torch
from accelerate import Accelerator

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
