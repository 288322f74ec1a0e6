"""Losses whose logits are made in chunks are those whose logits are held, in value and gradient."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from hairsplit.losses import LOSSES, _chunked
from tests.losses.oracle import FIELDS, ORACLES, SPECS, assert_agrees, cases, gradients, leaves, random_batch

CHUNKED = [(name, spec) for name in ("contrastive", "hard_negative", "negclip", "fsc_clip") for spec in SPECS[name]]


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
    z = random_batch(13, 2, seed=0, holes=True)
    z = replace(z, **{field: getattr(z, field).to(dtype) for field in FIELDS})
    found = []
    for plain in (10**6, 0):
        monkeypatch.setattr(_chunked, "PLAIN_ELEMENTS", plain)
        monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", 60)
        grown = leaves(z)
        total = LOSSES[name].compute(grown, spec, None).total
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
