"""The loss `ce_clip`: its oracle is in oracle.py; here is also what it hands on from batch to batch."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from hairsplit.losses import LOSSES
from hairsplit.losses.ce_clip import CeClipSpec, ce_clip
from tests.losses.oracle import ORACLES, SPECS, assert_agrees, cases, dots, random_batch

NAME = "ce_clip"


@pytest.mark.parametrize("spec", SPECS[NAME])
def test_agrees_with_the_definition_written_out(spec: Any) -> None:
    for z, teacher in cases():
        assert_agrees(LOSSES[NAME].compute, ORACLES[NAME], spec, z, teacher)


def test_the_mean_lead_of_each_kind_is_handed_on_and_others_keep_theirs() -> None:
    z = random_batch(6, 3, seed=0, holes=True)
    z = replace(z, kinds=torch.where(z.mask, torch.tensor([[5, 9, 5]]), 77))  # absent ones are of no kind
    before = {"kinds": torch.tensor([2, 9]), "thresholds": torch.tensor([4.0, 3.0], dtype=torch.float64)}
    carry = ce_clip(replace(z, carry=before), CeClipSpec()).carry
    positive, negative = dots(z)
    leads: dict[int, list[float]] = {5: [], 9: []}
    for i, k in z.mask.nonzero().tolist():
        leads[int(z.kinds[i, k])].append(float(z.scale * (positive[i][i] - negative[i][i][k])))  # type: ignore[index]
    expected = [4.0, sum(leads[5]) / len(leads[5]), sum(leads[9]) / len(leads[9])]
    assert carry["kinds"].tolist() == [2, 5, 9]
    assert_close(carry["thresholds"], torch.tensor(expected, dtype=torch.float64))
    assert not carry["thresholds"].requires_grad


def test_at_first_only_the_order_is_asked_and_then_the_lead_that_there_was() -> None:
    z = replace(random_batch(5, 2, seed=1), carry={}, learned={})
    first = ce_clip(z, CeClipSpec())
    assert first.parts["threshold"] == 0
    second = ce_clip(replace(z, carry=first.carry), CeClipSpec())
    means = dict(zip(first.carry["kinds"].tolist(), first.carry["thresholds"].tolist(), strict=True))
    assert z.kinds is not None
    wanted = torch.tensor([[min(max(means[kind], 0.0), 10.0) for kind in row] for row in z.kinds.tolist()])
    assert_close(second.parts["threshold"], wanted.double().mean())
    assert all(torch.equal(first.carry[name], second.carry[name]) for name in first.carry)


def test_a_batch_without_negatives_hands_on_what_it_was_given() -> None:
    z = random_batch(4, 2, seed=0)
    carry = ce_clip(replace(z, mask=torch.zeros_like(z.mask)), CeClipSpec()).carry
    assert all(torch.equal(carry[name], z.carry[name]) for name in ("kinds", "thresholds"))
    assert ce_clip(replace(z, mask=torch.zeros_like(z.mask), carry={}), CeClipSpec()).carry["kinds"].numel() == 0


def test_without_kinds_all_negatives_are_of_one() -> None:
    z = replace(random_batch(4, 2, seed=0), kinds=None, carry={})
    carry = ce_clip(z, CeClipSpec()).carry
    positive, negative = dots(z)
    leads = [z.scale * (positive[i][i] - negative[i][i][k]) for i in range(4) for k in range(2)]
    assert_close(carry["thresholds"], torch.stack(leads).mean().reshape(1))
