"""A model that gives everything the same embedding: what the peers' losses are then, worked out by hand."""

import math
from dataclasses import replace

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.losses import LOSSES
from hairsplit.losses.objectives import parse_objective
from tests.losses.oracle import gradients, leaves, random_batch

B, K = 5, 2
BY_HAND = {
    "negclip": (math.log(B + B * K) + math.log(B)) / 2,
    "triplet": math.log(B + B * K),
    "structure_clip": 2 * 0.2 + 5 * 0.1,
    "ce_clip": (math.log(B + B * K) + math.log(B)) / 2 + 0.2 * 0 + 0.2 * math.log(1 + K),
    # the bias undoes what all pairs have in common: a share of 1/B of the true pair, as CLIP's softmax has
    "siglip_hn": -math.log(1 / B) + (B - 1 + K) * -math.log(1 - 1 / B),
    "fsc_clip": math.log(B) + 0.5 * (1 - 1 / (1 + K)) ** 2 * math.log(1 + K),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_constant_model_is_at_chance_and_can_leave_it(name: str) -> None:
    z = random_batch(B, K, seed=0)
    one = z.image[:1]
    z = leaves(
        replace(
            z, learned={}, carry={}, image=one.expand(B, -1), positive=one.expand(B, -1), negative=one.expand(B, K, -1)
        )
    )
    total = LOSSES[name].compute(z, LOSSES[name].spec(), None).total
    assert total.item() == pytest.approx(BY_HAND[name], rel=1e-12)
    found = gradients(total, z)
    assert all(gradient.isfinite().all() for gradient in found)
    assert found[1].any()


def test_a_misspelt_peer_is_recognised() -> None:
    with pytest.raises(HairsplitError, match="did you mean 'negclip'"):
        parse_objective("negcilp")
