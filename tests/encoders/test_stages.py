"""A tower cut in two gives what it gives in one piece, in value and gradient, wherever it is cut."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.lora import LoraConfig
from hairsplit.encoders.stages import Stages, Tower, drops, position, stages
from hairsplit.encoders.trainable import MODES, TrainableMode, set_trainable

SHAPE = CLIPShape(
    image_size=16, patch=8, vision_width=16, vision_layers=3, text_width=16, text_layers=2, merges=50, embedding=8
)
TEXTS = ["a red dog", "two cats", "the mug is left of the plate", "no"]
FROZEN = {
    "full_encoder": (0, 0),
    "text_encoder": (6, 0),
    "vision_encoder": (0, 5),
    "last_encoder": (3, 2),
    "projections": (5, 4),
    "lora": (1, 1),
}
"""Mode -> steps that are frozen, of the image tower of three blocks and of the text tower of two."""


def encoder(mode: TrainableMode) -> DualEncoder:
    made = new(SHAPE).double()
    with torch.no_grad():  # a new model's biases are zero and its norms one, which would hide that they are left out
        for p in made.parameters():
            if p.ndim:
                p.add_(0.1 * torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel()), dtype=p.dtype))
    set_trainable(made, mode)
    return made


def given(made: DualEncoder, tower: Tower) -> tuple[Tensor, Tensor]:
    """Input, and where it is read."""
    if tower == "text":
        ids = made.tokenize(TEXTS)
        ids[-1] = 7  # a text without an end
        return ids, position(made, ids)
    pixels = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return pixels, torch.zeros(4, dtype=torch.int64)


def split(made: DualEncoder, tower: Tower) -> Stages:
    found = stages(made, tower)
    assert found is not None
    return found


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("mode", MODES)
def test_prefix_and_rest_are_the_tower(mode: TrainableMode, tower: Tower) -> None:
    fast, plain = encoder(mode), encoder(mode)
    x, at = given(fast, tower)
    parts = split(fast, tower)
    assert parts.frozen == FROZEN[mode][tower == "text"]
    features = parts.prefix(x, at)
    assert not features.requires_grad
    if tower == "image" and parts.frozen:
        assert not parts.prefix(x.clone().requires_grad_(), at).requires_grad
    found = parts.rest(features, at)
    expected = plain.encode_text(x) if tower == "text" else plain.encode_image(x)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    assert found.requires_grad == expected.requires_grad
    if expected.requires_grad:
        torch.autograd.backward((found.sin() * torch.arange(8)).sum())
        torch.autograd.backward((expected.sin() * torch.arange(8)).sum())
    graded = 0
    for (name, mine), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None), name
        if mine.grad is not None:
            graded += 1
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-10, atol=1e-12, msg=name)
    assert (graded > 0) == expected.requires_grad


@pytest.mark.parametrize(
    ("tower", "frozen"), [*(("image", cut) for cut in range(7)), *(("text", cut) for cut in range(6))]
)
def test_any_cut_is_exact(tower: Tower, frozen: int) -> None:
    """The cut follows from what learns, also where no mode would put it."""
    made = encoder("full_encoder")
    parts = split(made, tower)
    chain: list[nn.Module] = [*parts.embed, *parts.blocks, parts.norm, parts.projection]
    for module in chain[: frozen + len(parts.embed) - 1] if frozen else []:
        module.requires_grad_(False)
    parts = split(made, tower)
    assert parts.frozen == frozen
    x, at = given(made, tower)
    features = parts.prefix(x, at)
    if frozen:
        assert parts.is_pooled == (features.ndim == 2)
    expected = made.encode_text(x) if tower == "text" else made.encode_image(x)
    torch.testing.assert_close(parts.rest(features, at), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("tower", ["image", "text"])
@pytest.mark.parametrize("mode", MODES)
def test_all_positions_are_projected_behind_what_is_frozen(mode: TrainableMode, tower: Tower) -> None:
    fast, plain = encoder(mode), encoder(mode)
    x, at = given(fast, tower)
    parts = stages(fast, tower, all_positions=True)
    assert parts is not None
    assert parts.frozen == min(FROZEN[mode][tower == "text"], len(parts.blocks))  # the last block is no frozen step
    features = parts.prefix(x, at)
    assert torch.equal(features, replace(split(fast, tower), frozen=parts.frozen).prefix(x, at))  # as it is kept
    expected = plain.project_text(x) if tower == "text" else plain.project_image(x)
    for found in (parts.rest(features, at), parts.whole(x, at)):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    if expected.requires_grad:
        torch.autograd.backward((found.sin() * torch.arange(8)).sum())
        torch.autograd.backward((expected.sin() * torch.arange(8)).sum())
    for (name, mine), theirs in zip(fast.named_parameters(), plain.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None), name
        if mine.grad is not None:
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-10, atol=1e-12, msg=name)


def test_float32_is_as_close_as_rounding_lets_it_be() -> None:
    made = encoder("full_encoder").float()
    for tower in ("image", "text"):
        x, at = given(made, tower)
        x = x.float() if tower == "image" else x
        expected = made.encode_text(x) if tower == "text" else made.encode_image(x)
        torch.testing.assert_close(split(made, tower).rest(x, at), expected, rtol=0, atol=1e-6)


def test_nothing_is_frozen_behind_an_adapter() -> None:
    made = new(SHAPE)
    set_trainable(made, "lora", lora=LoraConfig(towers="text"))
    assert split(made, "text").frozen == 1
    assert split(made, "image").frozen == 6


def test_what_lies_behind_the_end_of_a_text_does_not_matter() -> None:
    made = encoder("full_encoder")
    ids, at = given(made, "text")
    other = ids.clone()
    other[torch.arange(ids.shape[1]) > at.unsqueeze(1)] = 5
    assert not torch.equal(ids, other)
    parts = split(made, "text")
    torch.testing.assert_close(parts.rest(ids, at), parts.rest(other, at), rtol=1e-12, atol=1e-14)


def test_the_last_block_computes_one_position_of_each_row() -> None:
    made = encoder("full_encoder")
    rows: list[int] = []
    made.text_blocks[-1].get_submodule("mlp.fc1").register_forward_hook(
        lambda _m, args, _o: rows.append(args[0].shape[:-1].numel())
    )
    ids, at = given(made, "text")
    split(made, "text").rest(ids, at)
    assert rows == [len(ids)]


def test_another_attention_than_torchs_is_not_cut() -> None:
    made = encoder("full_encoder")
    made.model.config.text_config._attn_implementation = "eager"
    assert stages(made, "text") is None
    assert stages(made, "image") is not None


def test_dropout_counts_where_it_is_active() -> None:
    made = encoder("full_encoder")
    assert not drops(made.train())
    setattr(made.text_blocks[0].get_submodule("self_attn"), "dropout", 0.1)  # noqa: B010
    assert drops(made.train())
    assert not drops(made.eval())
    assert drops(nn.Sequential(nn.Dropout(0.1)))
    assert not drops(nn.Sequential(nn.Dropout(0.0)))
