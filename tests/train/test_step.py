"""Both towers in one pass are exactly the towers one caption at a time, in value and gradient."""

import pytest
import torch
from torch import Tensor

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.trainable import MODES, TrainableMode, set_trainable
from hairsplit.train.step import Towers, to_device

SHAPE = CLIPShape(
    image_size=16, patch=8, vision_width=16, vision_layers=2, text_width=16, text_layers=2, merges=50, embedding=8
)
CAPTIONS = ["a red dog", "two cats", "the mug is left of the plate"]
NEGATIVES = [["a blue dog on a very long table of wood"], [], ["the mug is right of it", "no", "the plate is a mug"]]


def model() -> DualEncoder:
    encoder = new(SHAPE).double()
    set_trainable(encoder, "full_encoder")
    return encoder


def batch(encoder: DualEncoder, negatives: list[list[str]], width: int = 3) -> Batch:
    """Collated by hand: ragged, padded with zeros."""
    flat = [text for row in negatives for text in row]
    ids = encoder.tokenize(flat) if flat else torch.zeros(0, 1, dtype=torch.int64)
    padded = torch.zeros(len(negatives), width, ids.shape[1], dtype=torch.int64)
    mask = torch.tensor([[k < len(row) for k in range(width)] for row in negatives], dtype=torch.bool)
    padded[mask] = ids
    return Batch(
        pixels=torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        caption_ids=encoder.tokenize(CAPTIONS),
        negative_ids=padded,
        mask=mask,
        image_keys=torch.arange(3),
        caption_keys=torch.arange(3),
        kinds=("a", "b", "c"),
    )


def one_by_one(encoder: DualEncoder, pixels: Tensor, negatives: list[list[str]]) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Oracle: every picture and caption alone, without any padding."""
    images = torch.cat([encoder.encode_image(pixels[n : n + 1]) for n in range(3)])
    positives = torch.cat([encoder.encode_text(encoder.tokenize([text])) for text in CAPTIONS])
    wrong = [encoder.encode_text(encoder.tokenize([text]))[0] for row in negatives for text in row]
    return images, positives, wrong


def score(image: Tensor, positive: Tensor, negative: Tensor, scale: Tensor) -> Tensor:
    """Any function in which every embedding and the scale count."""
    return scale * (image.sin().sum() + (2 * positive).sin().sum() + (3 * negative).sin().sum())


@pytest.mark.parametrize("negatives", [NEGATIVES, [["x"], ["y"], ["z"]], [[], [], []]])
def test_value_and_gradient_are_those_of_one_by_one(negatives: list[list[str]]) -> None:
    fast, plain = model(), model()
    given = batch(fast, negatives)
    z: Embeddings = Towers(fast)(given)
    images, positives, wrong = one_by_one(plain, given.pixels, negatives)
    torch.testing.assert_close(z.image, images)
    torch.testing.assert_close(z.positive, positives)
    expected = torch.stack(wrong) if wrong else torch.zeros(0, 8, dtype=torch.float64)
    torch.testing.assert_close(z.negative[z.mask], expected)
    assert not z.negative[~z.mask].any()
    torch.autograd.backward(score(z.image, z.positive, z.negative[z.mask], z.scale))
    torch.autograd.backward(score(images, positives, expected, plain.scale))
    for (name, mine), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        assert mine.grad is not None, name
        torch.testing.assert_close(mine.grad, theirs.grad, msg=name)


def test_a_table_without_negatives_has_room_for_none() -> None:
    encoder = model()
    z = Towers(encoder)(batch(encoder, [[], [], []], width=0))
    assert z.negative.shape == (3, 0, 8)
    assert z.mask.shape == (3, 0)


@pytest.mark.parametrize("mode", MODES)
def test_a_tower_in_which_nothing_learns_keeps_no_graph(mode: TrainableMode) -> None:
    encoder = model()
    set_trainable(encoder, mode)
    z = Towers(encoder)(batch(encoder, NEGATIVES))
    assert z.image.requires_grad == (mode != "text_encoder")
    assert z.positive.requires_grad == z.negative.requires_grad == (mode != "vision_encoder")
    assert z.scale.requires_grad == (mode in {"text_encoder", "vision_encoder", "full_encoder"})


def test_keys_and_kinds_come_along() -> None:
    encoder = model()
    given = to_device(batch(encoder, NEGATIVES), torch.device("cpu"))
    assert given.kinds == ("a", "b", "c")
    z = Towers(encoder)(given)
    assert z.image_keys is given.image_keys
    assert z.caption_keys is given.caption_keys
