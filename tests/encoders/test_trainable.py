"""For every mode: exactly its parameters learn, only they change in a step, and the rest stays in eval mode."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.trainable import MODES, TrainableMode, parameter_groups, set_trainable, train_mode

SHAPE = CLIPShape(
    image_size=16, patch=8, vision_width=16, vision_layers=2, text_width=16, text_layers=3, merges=50, embedding=8
)

EXPECTED: dict[str, Callable[[str], bool]] = {
    "text_encoder": lambda name: name.startswith(("text_", "logit_scale")),
    "vision_encoder": lambda name: name.startswith(("vision_", "visual_projection", "logit_scale")),
    "full_encoder": lambda _: True,
    "last_encoder": lambda name: name.startswith(("text_model.encoder.layers.2.", "vision_model.encoder.layers.1.")),
    "projections": lambda name: name in {"text_projection.weight", "visual_projection.weight"},
    "lora": lambda name: name.endswith((".lora_A.default.weight", ".lora_B.default.weight")),
}


def loss(encoder: DualEncoder) -> torch.Tensor:
    image = encoder.encode_image(torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    text = encoder.encode_text(encoder.tokenize(["a red circle", "two dogs", "the mug"]))
    return nn.functional.cross_entropy(encoder.scale * image @ text.T, torch.arange(3))


def learning(encoder: DualEncoder) -> set[str]:
    return {name for name, p in encoder.model.named_parameters() if p.requires_grad}


def test_every_mode_has_its_expectation() -> None:
    assert set(EXPECTED) == set(MODES)


@pytest.mark.parametrize("mode", MODES)
def test_exactly_the_named_parameters_learn_and_change(mode: TrainableMode) -> None:
    encoder = new(SHAPE)
    set_trainable(encoder, "projections")  # an earlier choice leaves no trace
    set_trainable(encoder, "lora")
    set_trainable(encoder, mode)
    expected = {name for name, _ in encoder.model.named_parameters() if EXPECTED[mode](name)}
    assert expected
    assert learning(encoder) == expected
    before = {name: p.detach().clone() for name, p in encoder.model.named_parameters()}
    encoder.train()
    optimiser = torch.optim.SGD(parameter_groups(encoder, weight_decay=0.1), lr=1.0)
    torch.autograd.backward(loss(encoder))
    optimiser.step()
    changed = {name for name, p in encoder.model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == expected


@pytest.mark.parametrize("mode", MODES)
def test_frozen_modules_stay_in_eval_mode_whatever_is_called(mode: TrainableMode) -> None:
    encoder = new(SHAPE)
    set_trainable(encoder, mode)
    assert not any(module.training for module in encoder.modules())  # it was in eval mode
    for call in (encoder.train, lambda: train_mode(encoder), nn.Sequential(encoder).train):
        encoder.eval()
        call()
        for name, module in encoder.named_modules():
            parameters = list(module.parameters())
            if parameters:
                assert module.training == any(p.requires_grad for p in parameters), name
    set_trainable(encoder, "projections")
    assert not encoder.text_blocks[0].training
    assert not encoder.eval().training


@pytest.mark.parametrize("mode", MODES)
def test_the_logit_scale_can_be_frozen(mode: TrainableMode) -> None:
    encoder = new(SHAPE)
    table = set_trainable(encoder, mode, freeze_logit_scale=True)
    assert "logit_scale" not in learning(encoder)
    assert not next(row for row in table.rows if row.name == "logit scale").learns


@pytest.mark.parametrize("mode", MODES)
def test_the_table_counts_every_parameter_once(mode: TrainableMode) -> None:
    encoder = new(SHAPE)
    table = set_trainable(encoder, mode)
    assert table.parameters == sum(p.numel() for p in encoder.parameters())
    assert table.learning == sum(p.numel() for p in encoder.parameters() if p.requires_grad)
    assert sum(row.share for row in table.rows) == pytest.approx(1)
    assert table.as_dict()["learning"] == table.learning
    assert f"learning ({mode})" in str(table)
    assert len(str(table).splitlines()) == len(table.rows) + 1 == (17 if mode == "lora" else 15)


def test_a_tower_of_one_block_has_no_earlier_blocks() -> None:
    encoder = new(CLIPShape(vision_layers=1, text_layers=1, merges=0))
    table = set_trainable(encoder, "last_encoder")
    assert table.parameters == sum(p.numel() for p in encoder.parameters())
    assert not any("earlier" in row.name for row in table.rows)


def test_vectors_and_the_logit_scale_do_not_decay_and_matrices_do() -> None:
    encoder = new(SHAPE)
    set_trainable(encoder, "full_encoder")
    names = {id(p): name for name, p in encoder.model.named_parameters()}
    decayed, others = parameter_groups(encoder, weight_decay=0.2)
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.2, 0.0)
    kept = {names[id(p)] for p in others["params"]}
    assert kept == {n for n in names.values() if n.endswith("bias") or "norm" in n or "layrnorm" in n} | {
        "logit_scale",
        "vision_model.embeddings.class_embedding",
    }
    assert {names[id(p)] for p in decayed["params"]} == set(names.values()) - kept


def test_frozen_parameters_are_in_no_group_and_empty_groups_are_left_out() -> None:
    encoder = new(SHAPE)
    set_trainable(encoder, "projections")
    (only,) = parameter_groups(encoder, weight_decay=0.2)
    assert {id(p) for p in only["params"]} == {id(p) for p in encoder.parameters() if p.requires_grad}


def test_a_misspelt_mode_is_refused_with_a_suggestion() -> None:
    with pytest.raises(HairsplitError) as caught:
        set_trainable(new(SHAPE), "text_encodr")  # type: ignore[arg-type]
    assert "did you mean 'text_encoder'?" in str(caught.value)
