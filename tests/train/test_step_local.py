"""Patches and tokens through both towers in one pass are those of one picture and one caption at a time."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.trainable import MODES, TrainableMode, set_trainable
from hairsplit.losses import local_similarity
from hairsplit.train.step import Towers
from tests.train.test_step import CAPTIONS, NEGATIVES, REPEATED, batch, model, one_by_one, pixels_of, score


def local_one_by_one(encoder: DualEncoder, given: Batch, negatives: list[list[str]]) -> tuple[Tensor, list[Tensor]]:
    """Oracle: every picture with each of its captions alone, without padding, all tokens behind the first counting."""

    def match(image: int, text: str) -> Tensor:
        patches = encoder.project_image(pixels_of(given)[image : image + 1])[:, 1:]
        tokens = encoder.project_text(encoder.tokenize([text]))[:, 1:].unsqueeze(1)
        return local_similarity(patches, tokens, torch.ones(tokens.shape[:3], dtype=torch.bool), encoder.scale)[0, 0]

    positive = torch.stack([match(n, text) for n, text in enumerate(CAPTIONS)])
    return positive, [match(n, text) for n, row in enumerate(negatives) for text in row]


def parts(z: Embeddings) -> tuple[Tensor, Tensor]:
    assert z.local_positive is not None
    assert z.local_negative is not None
    return z.local_positive, z.local_negative


@pytest.mark.parametrize("negatives", [NEGATIVES, REPEATED, [[], [], []]])
@pytest.mark.parametrize("way", ["apart", "sharded", "eager"])
def test_value_and_gradient_are_those_of_one_by_one(negatives: list[list[str]], way: str) -> None:
    fast, plain = model(), model()
    near: dict[str, Any] = {"rtol": 0.0, "atol": 1e-10}
    if way == "eager":  # transformers' own has a softmax of single precision
        near = {"rtol": 0.0, "atol": 1e-4}
        fast.model.set_attn_implementation("eager")
    given = batch(fast, negatives)
    z: Embeddings = Towers(fast, local=True, sharded=way == "sharded")(given)
    local_positive, local_negative = parts(z)
    images, positives, wrong = one_by_one(plain, pixels_of(given), negatives)
    expected = torch.stack(wrong) if wrong else torch.zeros(0, 8, dtype=torch.float64)
    torch.testing.assert_close((z.image, z.positive, z.negative[z.mask]), (images, positives, expected), **near)
    local, local_wrong = local_one_by_one(plain, given, negatives)
    local_expected = torch.stack(local_wrong) if wrong else torch.zeros(0, dtype=torch.float64)
    torch.testing.assert_close(local_positive, local, **near)
    torch.testing.assert_close(local_negative[z.mask], local_expected, **near)
    assert not z.negative[~z.mask].any()
    assert not local_negative[~z.mask].any()
    mine = score(z.image, z.positive, z.negative[z.mask], z.scale)
    theirs = score(images, positives, expected, plain.scale)
    torch.autograd.backward(mine + score(local_positive, local_positive, local_negative[z.mask], z.scale))
    torch.autograd.backward(theirs + score(local, local, local_expected, plain.scale))
    for (name, one), two in zip(fast.named_parameters(), plain.parameters(), strict=True):
        assert one.grad is not None, name
        assert two.grad is not None, name
        size = 1 + float(two.grad.abs().max())
        torch.testing.assert_close(one.grad / size, two.grad / size, **near, msg=name)


@pytest.mark.parametrize("sharded", [False, True])
def test_whatever_pads_a_caption_changes_nothing(sharded: bool) -> None:
    encoder = model()
    given = batch(encoder, NEGATIVES)

    def padded(ids: Tensor, exists: Tensor) -> Tensor:
        ends = (ids == encoder.tokenizer.eos).int().argmax(-1, keepdim=True)
        behind = (torch.arange(ids.shape[-1]) > ends) | ~exists.unsqueeze(-1)
        return torch.where(behind, 9, ids)

    everywhere = torch.ones(3, dtype=torch.bool)
    other = replace(
        given,
        caption_ids=torch.nn.functional.pad(padded(given.caption_ids, everywhere), (0, 30), value=9),
        negative_ids=padded(given.negative_ids, given.mask),
    )
    towers = Towers(encoder, local=True, sharded=sharded)
    for one, two in zip(parts(towers(given)), parts(towers(other)), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-13)


def test_unasked_for_nothing_is_local_and_the_last_block_computes_one_position() -> None:
    encoder = model()
    rows: list[int] = []
    encoder.vision_blocks[-1].get_submodule("mlp.fc1").register_forward_hook(
        lambda _m, args, _o: rows.append(args[0].shape[:-1].numel())
    )
    given = batch(encoder, NEGATIVES)
    usual: Embeddings = Towers(encoder)(given)
    assert (usual.local_positive, usual.local_negative) == (None, None)
    Towers(encoder, local=True)(given)
    assert rows == [3, 15]  # four patches and the class token of three pictures


def test_a_table_without_negatives_has_room_for_none() -> None:
    encoder = model()
    local_positive, local_negative = parts(Towers(encoder, local=True)(batch(encoder, [[], [], []], width=0)))
    assert (local_positive.shape, local_negative.shape) == ((3,), (3, 0))


@pytest.mark.parametrize("mode", MODES)
def test_what_is_local_has_a_gradient_whichever_tower_learns(mode: TrainableMode) -> None:
    encoder = model()
    set_trainable(encoder, mode)
    z = Towers(encoder, local=True)(batch(encoder, NEGATIVES))
    assert z.image.requires_grad == (mode != "text_encoder")
    assert z.positive.requires_grad == z.negative.requires_grad == (mode != "vision_encoder")
    assert all(value.requires_grad for value in parts(z))


def test_under_autocast_it_is_single_precision_of_what_the_towers_give() -> None:
    encoder = model().float()
    given = batch(encoder, NEGATIVES)
    given = replace(given, pixels=pixels_of(given).float())
    towers = Towers(encoder, local=True)
    with torch.autocast("cpu", torch.bfloat16):
        found = parts(towers(given))
    assert all(value.dtype == torch.float32 for value in found)
    for value, exact in zip(found, parts(towers(given)), strict=True):
        assert not torch.equal(value, exact)
        torch.testing.assert_close(value, exact, rtol=0.1, atol=0.3)
        assert not torch.equal(value, value.bfloat16().float())


def test_under_dropout_equal_captions_are_thinned_out_each_on_its_own() -> None:
    encoder = model()
    for block in encoder.text_blocks:
        setattr(block.get_submodule("self_attn"), "dropout", 0.5)  # noqa: B010
    encoder.train()
    given = batch(encoder, [["a red dog", "a red dog"], [], []])
    found: list[Any] = []
    for towers in (Towers(encoder, local=True), Towers(encoder, local=True, sharded=True)):
        torch.manual_seed(0)
        found.append(parts(towers(given)))
    positive, negative = found[0]
    assert len({positive[0].item(), negative[0, 0].item(), negative[0, 1].item()}) == 3
    torch.testing.assert_close(found[0], found[1])
