"""Layer-wise decay: each parameter's rate as the formula says, and nothing new where the decay is 1."""

import copy
from pathlib import Path

import pytest
import torch

from hairsplit.core.run import read_json
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, load, new
from hairsplit.encoders.trainable import MODES, TrainableMode, parameter_groups, set_trainable
from hairsplit.train.optimizer import LR_SCALE, groups_table, layer_groups, make_optimizer, set_rate
from hairsplit.train.schedule import learning_rate
from tests.train.small import Material, config, rows, trainer

SHAPE = CLIPShape(
    image_size=16, patch=8, vision_width=16, vision_layers=2, text_width=16, text_layers=3, merges=50, embedding=8
)


def encoder_of(mode: TrainableMode) -> DualEncoder:
    encoder = new(SHAPE)
    set_trainable(encoder, mode)
    return encoder


def expected(name: str) -> float:
    """Factor at a decay of 0.5, from the formula alone: 3 text blocks, 2 vision blocks."""
    tower, blocks = name.partition("_")[0], {"text": 3, "vision": 2}
    if ".encoder.layers." in name:
        return float(0.5 ** (blocks[tower] - 1 - int(name.split(".")[3])))
    if ".embeddings." in name or "pre_layrnorm" in name:
        return float(0.5 ** blocks[tower])
    return 1.0


@pytest.mark.parametrize("mode", MODES)
def test_each_parameter_learns_at_the_rate_of_its_depth(mode: TrainableMode) -> None:
    encoder = encoder_of(mode)
    names = {id(p): name for name, p in encoder.model.named_parameters() if p.requires_grad}
    optimizer = make_optimizer(encoder, lr=1.0, weight_decay=0.1, layer_decay=0.5)
    set_rate(optimizer, 0.2)
    seen = [(names[id(p)], group) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(name for name, _ in seen) == sorted(names.values())  # each in exactly one group
    for name, group in seen:
        assert group["lr"] == 0.2 * expected(name), name
    decayed = {id(p) for g in parameter_groups(encoder, 0.1) if g["weight_decay"] for p in g["params"]}
    for group in optimizer.param_groups:
        assert {id(p) in decayed for p in group["params"]} == {group["weight_decay"] == 0.1}


@pytest.mark.parametrize("mode", MODES)
def test_a_decay_of_one_leaves_the_groups_and_the_rate_as_they_were(mode: TrainableMode) -> None:
    encoder = encoder_of(mode)
    plain, found = parameter_groups(encoder, 0.1), layer_groups(encoder, 0.1, 1.0)
    assert len(plain) == len(found)
    for one, two in zip(plain, found, strict=True):
        assert [id(p) for p in one["params"]] == [id(p) for p in two["params"]]
        assert (one["name"], one["weight_decay"]) == (two["name"], two["weight_decay"])
    optimizer = make_optimizer(encoder, lr=1.0, weight_decay=0.1)
    set_rate(optimizer, 1 / 3)
    assert {group["lr"] for group in optimizer.param_groups} == {1 / 3}


def test_a_state_from_before_there_were_factors_is_taken_up() -> None:
    optimizer = make_optimizer(encoder_of("projections"), lr=1.0, weight_decay=0.1)
    old = copy.deepcopy(optimizer.state_dict())
    for group in old["param_groups"]:
        del group[LR_SCALE], group["layers_above"]
    optimizer.load_state_dict(old)
    set_rate(optimizer, 0.5)
    assert {group["lr"] for group in optimizer.param_groups} == {0.5}


def test_the_table_counts_what_learns_once() -> None:
    encoder = encoder_of("full_encoder")
    table = groups_table(make_optimizer(encoder, lr=1.0, weight_decay=0.1, layer_decay=0.5))
    assert sum(row["parameters"] for row in table) == sum(p.numel() for p in encoder.parameters())
    assert sum(row["tensors"] for row in table) == len(list(encoder.parameters()))
    # no vector lies three blocks deep: the vision tower has two, and the text tower's embeddings are matrices
    assert [row["layers_above"] for row in table] == [0, 1, 2, 3, 0, 1, 2]
    assert [row[LR_SCALE] for row in table] == [1, 0.5, 0.25, 0.125, 1, 0.5, 0.25]


def test_a_first_step_moves_each_block_by_its_share_and_the_run_says_so(material: Material, tmp_path: Path) -> None:
    """AdamW's first step is lr * sign(gradient), so that the longest move shows the rate; two blocks a tower."""
    settings = config(material, steps=1, warmup_steps=0, schedule="constant", weight_decay=0, layer_decay=0.5)
    start, encoder = load(material.model), load(material.model)
    trainer(settings, encoder, tmp_path).fit(resume=False)
    before = dict(start.model.named_parameters())
    moved = {n: float((p - before[n]).detach().abs().max()) for n, p in encoder.model.named_parameters()}
    for tower in ("text_model", "vision_model"):
        for place, share in (("encoder.layers.1.mlp.fc1", 1), ("encoder.layers.0.mlp.fc1", 0.5)):
            assert moved[f"{tower}.{place}.weight"] == pytest.approx(share * settings.lr, rel=0.05)
    assert moved["text_model.embeddings.token_embedding.weight"] == pytest.approx(settings.lr / 4, rel=0.05)
    assert moved["visual_projection.weight"] == pytest.approx(settings.lr, rel=0.05)
    assert rows(tmp_path, "train")[0]["lr"] == learning_rate(settings, 0, 1)
    groups = read_json(tmp_path / "trainable.json")["groups"]
    assert {(row["layers_above"], row[LR_SCALE]) for row in groups} == {(0, 1.0), (1, 0.5), (2, 0.25)}


def test_another_decay_is_another_run(material: Material, tmp_path: Path) -> None:
    ends = []
    for decay in (1.0, 0.7):
        encoder = load(material.model)
        trainer(config(material, layer_decay=decay), encoder, tmp_path / str(decay)).fit(resume=False)
        ends.append(encoder)
    one, two = (end.model.text_model.embeddings.token_embedding.weight for end in ends)
    assert not torch.equal(one, two)


def stepped(encoder: DualEncoder, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        for p in encoder.parameters():
            p.grad = torch.randn(p.shape, generator=generator) * 0.01
        optimizer.step()


def plain(encoder: DualEncoder) -> torch.optim.AdamW:
    return torch.optim.AdamW(parameter_groups(encoder, 0.1), lr=1e-3, betas=(0.9, 0.98), eps=1e-6, fused=False)


def test_the_fused_optimiser_takes_the_steps_of_the_plain_one() -> None:
    fast, slow = encoder_of("full_encoder").double(), encoder_of("full_encoder").double()
    made = make_optimizer(fast, lr=1e-3, weight_decay=0.1)
    assert made.defaults["fused"] is True
    for encoder, optimizer in ((fast, made), (slow, plain(slow))):
        for step in range(5):
            generator = torch.Generator().manual_seed(step)
            for p in encoder.parameters():
                p.grad = torch.randn(p.shape, generator=generator, dtype=p.dtype) * 0.01
            optimizer.step()
    before = dict(new(SHAPE).double().named_parameters())
    for (name, one), two in zip(fast.named_parameters(), slow.parameters(), strict=True):
        assert not torch.equal(one, before[name])
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("fused", [True, False])
def test_a_saved_state_goes_on_bit_for_bit(fused: bool) -> None:
    """Also one of the plain optimiser, which earlier runs saved: it stays plain."""

    def made(encoder: DualEncoder) -> torch.optim.Optimizer:
        return make_optimizer(encoder, lr=1e-3, weight_decay=0.1) if fused else plain(encoder)

    whole = encoder_of("full_encoder")
    stepped(whole, made(whole), range(6))
    first = encoder_of("full_encoder")
    optimizer = made(first)
    stepped(first, optimizer, range(3))
    resumed = encoder_of("full_encoder")
    resumed.load_state_dict(first.state_dict())
    taken_up = make_optimizer(resumed, lr=1e-3, weight_decay=0.1)
    taken_up.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    stepped(resumed, taken_up, range(3, 6))
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)
