"""Growing a CLIP, as tiny's pre-training does, leaves its embeddings as they were."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
NARROW = CLIPShape(
    image_size=16,
    vision_width=16,
    vision_layers=2,
    vision_heads=2,
    text_width=16,
    text_layers=2,
    text_heads=2,
    embedding=8,
    merges=100,
    context_length=20,
)


@pytest.fixture(scope="module")
def towers() -> tuple[DualEncoder, DualEncoder]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        grown = importlib.import_module("tiny_growth").grown
    finally:
        sys.path.remove(str(BENCHMARKS))
    shape = replace(NARROW, vision_width=32, vision_layers=3, vision_heads=4, text_width=32, text_heads=4, mlp_ratio=2)
    narrow = new(NARROW, seed=3).double()
    with torch.no_grad():  # new weights have biases of zero, whose place would not be tested
        for parameter in narrow.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return narrow, grown(narrow, shape, seed=5).double()


def test_growth_changes_no_embedding(towers: tuple[DualEncoder, DualEncoder]) -> None:
    narrow, wide = towers
    pixels = torch.randn(4, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ids = narrow.tokenize(["a red circle", "a star on the left"])
    torch.testing.assert_close(wide.encode_image(pixels), narrow.encode_image(pixels), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(wide.encode_text(ids), narrow.encode_text(ids), atol=1e-6, rtol=1e-6)
    assert wide.scale.item() == pytest.approx(narrow.scale.item(), rel=1e-6)


def test_the_two_copies_of_the_stream_learn_different_things(towers: tuple[DualEncoder, DualEncoder]) -> None:
    _, wide = towers
    pixels = torch.randn(4, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    embedding = wide.model.vision_model.embeddings.class_embedding
    (gradient,) = torch.autograd.grad(wide.encode_image(pixels)[:, 0].sum(), [embedding])
    assert not torch.allclose(gradient[:16], gradient[16:], rtol=0.01)
