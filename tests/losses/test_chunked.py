"""Losses whose logits are made in chunks are those whose logits are held, in value and gradient."""

from typing import Any

import pytest
import torch

from hairsplit.losses import LOSSES, _chunked
from tests.losses.oracle import ORACLES, SPECS, assert_agrees, cases, gradients, leaves, random_batch

CHUNKED = [(name, spec) for name in SPECS if name not in {"preference", "dpo"} for spec in SPECS[name]]
"""All that make a matrix of logits."""


@pytest.fixture(params=[1, 9, 10**6])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every matrix is large; a chunk is one row, two of four, and all."""
    monkeypatch.setattr(_chunked, "PLAIN_ELEMENTS", 0)
    monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", request.param)


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize(("name", "spec"), CHUNKED)
def test_in_chunks_it_agrees_with_the_definition_written_out(name: str, spec: Any) -> None:
    for z, teacher in cases(3):
        assert_agrees(LOSSES[name].compute, ORACLES[name], spec, z, teacher)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize(("name", "spec"), CHUNKED)
def test_chunks_change_no_number(
    name: str, spec: Any, dtype: torch.dtype, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    z, teacher = (
        batch.with_differentiable({field: value.to(dtype) for field, value in batch.differentiable().items()})
        for batch in (random_batch(13, 2, seed=0, holes=True), random_batch(13, 2, seed=1))
    )
    found = []
    for plain in (10**6, 0):
        monkeypatch.setattr(_chunked, "PLAIN_ELEMENTS", plain)
        monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", 60)
        grown = leaves(z)
        total = LOSSES[name].compute(grown, spec, teacher).total
        found.append([total, *gradients(total, grown)])
    for held, chunked in zip(*found, strict=True):
        torch.testing.assert_close(chunked, held, rtol=tolerance, atol=tolerance)


def test_no_chunk_is_larger_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", 60)
    seen: list[tuple[int, int]] = []
    image, captions = torch.randn(13, 3, requires_grad=True), torch.randn(20, 3)
    sums = _chunked.row_log_sums(image, captions, lambda logits, start: seen.append((start, len(logits))))
    assert seen == [(0, 3), (3, 3), (6, 3), (9, 3), (12, 1)]
    torch.autograd.backward(sums.sum())
    assert sorted(seen[5:]) == seen[:5]  # made once more, not kept
    assert _chunked.is_large(8193, 8192)
    assert not _chunked.is_large(8192, 8192)


@pytest.mark.parametrize("elements", [1, 8, 10**6])
def test_equal_largest_ones_share_the_gradient_in_whatever_chunk_they_lie(
    elements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", elements)
    image = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]).double().requires_grad_()
    captions = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [-1.0, -1.0]]).double().requires_grad_()
    weights = torch.arange(1.0, 9.0).double()
    rows, columns = _chunked.both_maxima(image, captions, lambda _logits, _start: None)
    held = image @ captions.T
    assert torch.equal(rows, held.amax(dim=1))
    torch.testing.assert_close(columns, held.amax(dim=0), rtol=1e-15, atol=0)
    found = torch.autograd.grad(weights @ torch.cat([rows, columns]), [image, captions])
    expected = torch.autograd.grad(weights @ torch.cat([held.amax(dim=1), held.amax(dim=0)]), [image, captions])
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=1e-15)
