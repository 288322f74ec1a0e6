"""Both towers in one pass are exactly the towers one caption at a time, in value and gradient."""

from dataclasses import replace

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


def pixels_of(given: Batch) -> Tensor:
    assert given.pixels is not None
    return given.pixels


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
    images, positives, wrong = one_by_one(plain, pixels_of(given), negatives)
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


def widths(encoder: DualEncoder) -> list[tuple[int, int]]:
    """Filled with the shape of each pass of captions through the text tower."""
    seen: list[tuple[int, int]] = []
    embeddings = encoder.model.text_model.embeddings
    embeddings.register_forward_hook(lambda _m, _a, out: seen.append((out.shape[0], out.shape[1])))
    return seen


REPEATED = [["two cats", "a red dog"], ["two cats", "a red dog", "two cats"], ["a red dog"]]


def test_equal_captions_are_encoded_once_with_the_gradient_of_all() -> None:
    fast, plain = model(), model()
    given = batch(fast, REPEATED)
    seen = widths(fast)
    z: Embeddings = Towers(fast)(given)
    assert sum(rows for rows, _ in seen) == 3
    images, positives, wrong = one_by_one(plain, pixels_of(given), REPEATED)
    expected = torch.stack(wrong)
    torch.testing.assert_close(z.negative[z.mask], expected, rtol=1e-10, atol=1e-12)
    torch.autograd.backward(score(z.image, z.positive, z.negative[z.mask], z.scale))
    torch.autograd.backward(score(images, positives, expected, plain.scale))
    for (name, mine), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-10, atol=1e-12, msg=name)


def test_float32_is_as_close_as_rounding_lets_it_be() -> None:
    encoder = model().float()
    given = batch(encoder, NEGATIVES)
    given = replace(given, pixels=pixels_of(given).float())
    z: Embeddings = Towers(encoder)(given)
    _, positives, wrong = one_by_one(encoder, pixels_of(given), NEGATIVES)
    torch.testing.assert_close(z.positive, positives, rtol=0, atol=1e-6)
    torch.testing.assert_close(z.negative[z.mask], torch.stack(wrong), rtol=0, atol=1e-6)


def test_long_and_short_captions_go_apart_where_that_is_cheaper(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = model()
    given = batch(encoder, NEGATIVES)
    seen = widths(encoder)
    monkeypatch.setattr("hairsplit.train.step.OVERHEAD", 999)
    together: Embeddings = Towers(encoder)(given)
    assert len(seen) == 1
    monkeypatch.setattr("hairsplit.train.step.OVERHEAD", 0)
    apart: Embeddings = Towers(encoder)(given)
    lengths = [len(encoder.tokenize([text])[0]) for text in {*CAPTIONS, *(n for row in NEGATIVES for n in row)}]
    assert sorted(width for _, width in seen[1:]) == sorted(set(lengths))
    assert sum(rows * width for rows, width in seen[1:]) == sum(lengths)
    torch.testing.assert_close(apart.positive, together.positive, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(apart.negative, together.negative, rtol=1e-10, atol=1e-12)


def test_whatever_pads_a_caption_changes_nothing() -> None:
    encoder = model()
    given = batch(encoder, REPEATED)
    ends = (given.caption_ids == encoder.tokenizer.eos).int().argmax(1, keepdim=True)
    other = torch.where(torch.arange(given.caption_ids.shape[1]) > ends, 9, given.caption_ids)
    assert not torch.equal(other, given.caption_ids)
    seen = widths(encoder)
    one: Embeddings = Towers(encoder)(given)
    passes = len(seen)
    two: Embeddings = Towers(encoder)(replace(given, caption_ids=other))
    assert seen[:passes] == seen[passes:]  # a caption and its equal among the negatives are still one
    assert torch.equal(one.positive, two.positive)


def test_under_dropout_equal_captions_are_thinned_out_each_on_its_own() -> None:
    encoder = model()
    for block in encoder.text_blocks:
        setattr(block.get_submodule("self_attn"), "dropout", 0.5)  # noqa: B010
    encoder.train()
    given = batch(encoder, REPEATED)
    seen = widths(encoder)
    torch.manual_seed(0)
    z: Embeddings = Towers(encoder)(given)
    assert seen == [(9, given.caption_ids.shape[1])]
    assert not torch.equal(z.negative[0, 0], z.positive[1])
    encoder.eval()
    again: Embeddings = Towers(encoder)(given)
    assert torch.equal(again.negative[0, 0], again.positive[1])


def test_an_engine_that_shards_sees_whole_blocks_once() -> None:
    encoder = model()
    given = batch(encoder, REPEATED)
    passes: list[str] = []
    for name, block in [("text", encoder.text_blocks[-1]), ("image", encoder.vision_blocks[-1])]:
        block.register_forward_hook(lambda _m, _a, _o, name=name: passes.append(name))
    sharded: Embeddings = Towers(encoder, sharded=True)(given)
    assert passes == ["image", "text"]
    usual: Embeddings = Towers(encoder)(given)
    assert len(passes) == 2
    for one, two in [(sharded.image, usual.image), (sharded.negative, usual.negative)]:
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)


def test_the_same_step_has_the_same_bits_on_several_threads() -> None:
    """A gradient summed by threads in the order in which they come would differ from time to time."""
    encoder = model().float()
    rows = [["two cats"] * 2000, ["a red dog", "two cats"] * 1000, ["no"] * 2000]
    given = batch(encoder, rows, width=2000)
    given = replace(given, pixels=pixels_of(given).float())
    weights = torch.randn(3, 2000, 8, generator=torch.Generator().manual_seed(0))
    threads, found = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        for _ in range(5):
            z: Embeddings = Towers(encoder)(given)
            torch.autograd.backward((z.negative * weights).sum())
            found.append([p.grad.clone() for p in encoder.parameters() if p.grad is not None])
            encoder.zero_grad()
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


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
