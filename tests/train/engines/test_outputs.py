"""Embeddings survive the way through a tuple, and parameters of no dimension get one."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from hairsplit.core.tensors import Batch
from hairsplit.train.engines.outputs import CastEmbedded, CastTowers, Embedded, TupleTowers, on_cpu, without_scalars
from hairsplit.train.step import Towers
from tests.train import ranks


@pytest.mark.parametrize("local", [False, True])
def test_what_comes_out_is_what_the_towers_give(local: bool) -> None:
    made = ranks.encoder("full_encoder")
    given = ranks.batch(made, slice(0, 6), 2)
    expected = Towers(made, local=local)(given)
    without_scalars(made)
    assert all(p.ndim for p in made.parameters())
    found = Embedded(TupleTowers(Towers(made, local=local)))(given)
    for name in ("local_positive", "local_negative"):
        value = getattr(found, name)
        assert torch.equal(value, getattr(expected, name)) if local else value is None
    for name in ("image", "positive", "negative", "mask", "scale", "image_keys", "caption_keys"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name
    assert found.scale.requires_grad


def test_a_frozen_scalar_stays_frozen_and_comes_back_in_its_shape() -> None:
    made = ranks.encoder("full_encoder")
    before = made.scale.detach().clone()
    made.get_parameter("model.logit_scale").requires_grad_(False)
    without_scalars(made)
    scale = made.get_parameter("model.logit_scale")
    assert (scale.shape, scale.requires_grad) == ((1,), False)
    assert on_cpu(scale, torch.Size(())).exp() == before


class TurnsAutocastOff(nn.Module):
    """As DeepSpeed's engine does on GPUs."""

    def __init__(self, module: CastTowers) -> None:
        super().__init__()
        self.module = module
        self.towers = module.towers

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", enabled=False):
            found: tuple[Tensor, ...] = self.module(batch)
        return found


@pytest.mark.parametrize("cast", [True, False])
def test_autocast_reaches_the_towers_past_an_engine_that_turns_it_off(cast: bool) -> None:
    made = ranks.encoder("full_encoder").float()
    given = ranks.batch(made, slice(0, 6), 2)
    assert given.pixels is not None
    given = replace(given, pixels=given.pixels.float())
    inner = CastTowers(Towers(made, sharded=True), torch.device("cpu"))
    towers = CastEmbedded(TurnsAutocastOff(inner), inner)
    found = []
    for enabled in (not cast, cast):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found.append((towers(given).image, Towers(made, sharded=True)(given).image))
    assert all(torch.equal(ours, theirs) for ours, theirs in found)
    assert not torch.equal(found[0][0], found[1][0])
