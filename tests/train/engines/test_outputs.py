"""Embeddings survive the way through a tuple, and parameters of no dimension get one."""

import torch

from hairsplit.train.engines.outputs import Embedded, TupleTowers, on_cpu, without_scalars
from hairsplit.train.step import Towers
from tests.train import ranks


def test_what_comes_out_is_what_the_towers_give() -> None:
    made = ranks.encoder("full_encoder")
    given = ranks.batch(made, slice(0, 6), 2)
    expected = Towers(made)(given)
    without_scalars(made)
    assert all(p.ndim for p in made.parameters())
    found = Embedded(TupleTowers(Towers(made)))(given)
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
