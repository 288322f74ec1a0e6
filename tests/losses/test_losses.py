"""What holds for every loss of the catalogue; a new file in losses/ is tested with no edit here."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import booleans, integers
from torch import Tensor
from torch.testing import assert_close

from hairsplit.core.tensors import Embeddings, LossOutput
from hairsplit.losses import LOSSES, Loss, LossSpec
from tests.losses.oracle import FIELDS, SPECS, gradients, leaves, random_batch

OF_THE_STEP = {"scale", "learned", "carry"}
"""Fields of `Embeddings` that have no rows."""
VARIANTS = [(name, spec) for name in LOSSES for spec in SPECS.get(name, (LOSSES[name].spec(),))]


def compute(name: str, spec: Any, z: Embeddings, teacher: Embeddings) -> LossOutput:
    return LOSSES[name].compute(z, spec, teacher)


@pytest.mark.parametrize("name", LOSSES.names())
def test_an_entry_says_what_it_is(name: str) -> None:
    entry = LOSSES[name]
    assert isinstance(entry, Loss)
    assert isinstance(entry.spec(), LossSpec)
    assert entry.spec().name == name
    assert entry.reference.startswith(("arXiv:", "doi:"))
    assert entry.compute.__doc__
    assert entry.spec.__doc__


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
@given(seed=integers(0, 2**31), holes=booleans())
@settings(max_examples=8, deadline=None)
def test_order_of_the_batch_does_not_matter(name: str, spec: Any, seed: int, holes: bool) -> None:
    z, teacher = random_batch(6, 3, seed, holes=holes), random_batch(6, 3, seed + 1, holes=holes)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))

    def shuffled(batch: Embeddings) -> Embeddings:
        rows = [field.name for field in fields(batch) if field.name not in OF_THE_STEP]
        return replace(batch, **{row: getattr(batch, row)[order] for row in rows})

    expected = compute(name, spec, z, teacher).total
    assert_close(compute(name, spec, shuffled(z), shuffled(teacher)).total, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
@given(seed=integers(0, 2**31))
@settings(max_examples=5, deadline=None)
def test_order_of_an_images_negatives_does_not_matter(name: str, spec: Any, seed: int) -> None:
    z, teacher = random_batch(4, 3, seed, holes=True), random_batch(4, 3, seed + 1, holes=True)
    turned, turned_teacher = (
        replace(
            batch, **{name: getattr(batch, name).flip(1) for name in ("negative", "mask", "kinds", "local_negative")}
        )
        for batch in (z, teacher)
    )
    expected = compute(name, spec, z, teacher).total
    assert_close(compute(name, spec, turned, turned_teacher).total, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("negatives", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(("name", "spec"), VARIANTS)
def test_value_and_gradient_are_finite_in_float32_at_full_scale(name: str, spec: Any, negatives: int) -> None:
    z = random_batch(4, negatives, seed=negatives, scale=100.0)
    z = z.with_differentiable({field: value.float() for field, value in z.differentiable().items()})
    mask = torch.arange(4)[:, None] > torch.arange(negatives)  # row 0 has none
    z = leaves(replace(z, mask=mask, image=torch.cat([-z.positive[:2], z.image[2:]])))  # and two could not be worse
    total = compute(name, spec, z, replace(z, image=z.positive)).total
    assert total.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(total, z))


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
def test_an_absent_negative_contributes_nothing(name: str, spec: Any) -> None:
    z, teacher = random_batch(4, 3, seed=0, holes=True), random_batch(4, 3, seed=1, holes=True)
    assert z.local_negative is not None
    other = replace(
        z,
        negative=torch.where(z.mask[..., None], z.negative, -z.negative),
        local_negative=torch.where(z.mask, z.local_negative, 9.0),
    )
    expected = compute(name, spec, z, teacher).total
    assert torch.equal(compute(name, spec, other, teacher).total, expected)
    grown = leaves(z)
    found = dict(zip(z.differentiable(), gradients(compute(name, spec, grown, teacher).total, grown), strict=True))
    assert not any(found[field][~z.mask].any() for field in ("negative", "local_negative"))


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
def test_a_batch_without_any_negative_has_a_loss_and_a_gradient(name: str, spec: Any) -> None:
    z = leaves(replace(random_batch(4, 2, seed=0), mask=torch.zeros(4, 2, dtype=torch.bool)))
    total = compute(name, spec, z, random_batch(4, 2, seed=1)).total
    assert total.requires_grad
    assert total.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(total, z))


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
def test_a_single_pair_is_a_batch(name: str, spec: Any) -> None:
    z = leaves(random_batch(1, 2, seed=0))
    total = compute(name, spec, z, random_batch(1, 2, seed=1)).total
    assert all(gradient.isfinite().all() for gradient in [total, *gradients(total, z)])


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
def test_gradient_is_that_of_finite_differences(name: str, spec: Any) -> None:
    z, teacher = random_batch(3, 2, seed=2, holes=True), random_batch(3, 2, seed=3, holes=True)

    def total(*values: Tensor) -> Tensor:
        moved = z.with_differentiable(dict(zip(z.differentiable(), values, strict=True)))
        return compute(name, spec, moved, teacher).total

    assert torch.autograd.gradcheck(total, list(leaves(z).differentiable().values()))


@pytest.mark.parametrize(("name", "spec"), VARIANTS)
def test_inputs_are_left_alone_and_the_teacher_gets_no_gradient(name: str, spec: Any) -> None:
    z, teacher = leaves(random_batch(4, 2, seed=0, holes=True)), leaves(random_batch(4, 2, seed=1, holes=True))
    before = [getattr(batch, field).detach().clone() for batch in (z, teacher) for field in FIELDS]
    torch.autograd.backward(compute(name, spec, z, teacher).total)
    after = [getattr(batch, field).detach() for batch in (z, teacher) for field in FIELDS]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(getattr(teacher, field).grad is None for field in FIELDS)
