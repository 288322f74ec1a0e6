"""The loss `siglip_hn`: its oracle is in oracle.py; here is also where its bias starts."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from hairsplit.losses import LOSSES, _chunked
from hairsplit.losses.siglip_hn import SiglipHnSpec, siglip_hn
from tests.losses.oracle import ORACLES, SPECS, add, assert_agrees, cases, dots, random_batch, rival

NAME = "siglip_hn"


@pytest.mark.parametrize("spec", SPECS[NAME])
def test_agrees_with_the_definition_written_out(spec: Any) -> None:
    for z, teacher in cases():
        assert_agrees(LOSSES[NAME].compute, ORACLES[NAME], spec, z, teacher)


@pytest.mark.parametrize("spec", [SiglipHnSpec(), SiglipHnSpec(mask_false_negatives=True)])
@pytest.mark.parametrize("chunk", [None, 7])
def test_the_first_batch_tells_the_start_and_later_ones_keep_it(
    spec: SiglipHnSpec, chunk: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chunk is not None:
        monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", chunk)
    z = replace(random_batch(5, 2, seed=0), carry={}, learned={})
    positive, _ = dots(z)
    sums = []
    for i in range(5):
        others = [positive[i][j] for j in range(5) if j != i and rival(z, spec, i, j)]
        sums.append(torch.log(add(torch.exp(z.scale * cosine) for cosine in others)))
    start = -torch.stack(sums).mean()
    first = siglip_hn(z, spec)
    assert_close(first.carry["start"], start)
    assert_close(first.parts["bias"], start)
    later = siglip_hn(replace(random_batch(5, 2, seed=3), carry=first.carry, learned={}), spec)
    assert torch.equal(later.carry["start"], first.carry["start"])


def test_at_the_start_a_caption_is_as_likely_as_softmax_says() -> None:
    """Exactly so where every image has equal rivals, as with two pairs that are each other's mirror."""
    image = torch.eye(2, 3, dtype=torch.float64)
    positive = torch.tensor([[0.8, 0.6, 0.0], [0.6, 0.8, 0.0]], dtype=torch.float64)
    z = replace(random_batch(2, 1, seed=0), image=image, positive=positive, carry={}, learned={})
    softmax = torch.softmax(z.scale * z.image @ z.positive.T, dim=1).diagonal()
    assert_close(siglip_hn(z, SiglipHnSpec()).parts["true"], -softmax.log().mean())


def test_a_given_bias_is_the_first_value_of_what_is_learned() -> None:
    z = replace(random_batch(3, 1, seed=0), carry={}, learned={})
    learned = LOSSES[NAME].learned
    assert learned(SiglipHnSpec(bias=-10)) == {"bias": -10}
    assert learned(SiglipHnSpec()) == {"bias": 0}
    output = siglip_hn(z, SiglipHnSpec(bias=-10))
    assert output.parts["bias"] == -10
    assert output.carry == {}
    moved = replace(z, learned={"bias": torch.tensor(-9.0).double()})
    assert siglip_hn(moved, SiglipHnSpec(bias=-10)).parts["bias"] == -9


def test_images_without_any_rival_tell_no_start() -> None:
    z = replace(random_batch(4, 1, seed=0), carry={}, learned={}, image_keys=torch.zeros(4, dtype=torch.int64))
    output = siglip_hn(z, SiglipHnSpec(mask_false_negatives=True))
    assert output.carry["start"] == 0
    assert output.total.isfinite()
