"""Adapters begin as nothing, merge exactly, travel alone in peft's files, and touch only what they were asked to."""

import copy
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import CLIPModel

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import lora, weights
from hairsplit.encoders.dual_encoder import DualEncoder, load, new, save
from hairsplit.encoders.lora import LoraConfig
from hairsplit.encoders.trainable import set_trainable
from tests.small_world import SHAPE

TEXTS = ["a red circle", "the mug left of the plate", "two dogs"]
CONFIG = LoraConfig(rank=3, alpha=12)


def embedded(encoder: DualEncoder) -> torch.Tensor:
    pixels = torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.cat([encoder.encode_image(pixels), encoder.encode_text(encoder.tokenize(TEXTS))])


def trained(config: LoraConfig = CONFIG) -> DualEncoder:
    """Adapters as after a training: B is no longer zero."""
    encoder = new(SHAPE, name="the base")
    set_trainable(encoder, "lora", lora=config)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in encoder.model.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(std=0.05, generator=generator)
    return encoder


def test_new_adapters_change_no_bit_of_an_embedding_and_no_random_number() -> None:
    torch.manual_seed(5)
    plain, encoder = new(SHAPE), new(SHAPE)
    set_trainable(encoder, "lora", lora=CONFIG)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    assert torch.equal(embedded(encoder), embedded(plain))
    assert encoder.parameters_hash() == plain.parameters_hash()
    assert type(encoder.model) is CLIPModel
    assert (len(encoder.vision_blocks), len(encoder.text_blocks)) == (2, 2)


def test_the_seed_decides_where_the_adapters_begin() -> None:
    def first(seed: int) -> dict[str, torch.Tensor]:
        encoder = new(SHAPE)
        set_trainable(encoder, "lora", seed=seed)
        return {name: p for name, p in encoder.model.named_parameters() if ".lora_A." in name}

    one, again, other = first(1), first(1), first(2)
    assert all(torch.equal(value, again[name]) and not torch.equal(value, other[name]) for name, value in one.items())


def test_merged_weights_are_those_of_the_paper_written_out() -> None:
    """W + (alpha / rank) B A, in float64."""
    encoder = trained()
    base, state = dict(new(SHAPE).model.named_parameters()), lora.plain_state(encoder.model)
    assert state.keys() == new(SHAPE).model.state_dict().keys()
    found = dict(encoder.model.named_parameters())
    adapted = 0
    for name, value in state.items():
        a = found.get(f"{name.removesuffix('.weight')}.lora_A.default.weight")
        b = found.get(f"{name.removesuffix('.weight')}.lora_B.default.weight")
        if a is None or b is None:
            assert torch.equal(value, base[name])
            continue
        adapted += 1
        expected = base[name].double() + 12 / 3 * b.double() @ a.double()
        torch.testing.assert_close(value.double(), expected, rtol=0, atol=1e-7)
        assert (value - base[name]).abs().max() > 0.01
    assert adapted == 2 * 2 * 6


def test_a_saved_model_is_plain_and_computes_what_the_adapted_one_did(tmp_path: Path) -> None:
    encoder = trained()
    expected = embedded(encoder)
    assert (expected - embedded(new(SHAPE))).abs().max() > 0.01
    save(encoder, tmp_path / "model")
    loaded = load(tmp_path / "model")
    torch.testing.assert_close(embedded(loaded), expected, rtol=0, atol=1e-6)
    assert loaded.parameters_hash() == encoder.parameters_hash()
    assert not lora.is_adapted(loaded.model)
    assert torch.equal(embedded(encoder), expected)  # saving has merged nothing in the model itself
    state = weights.from_openai(weights.to_openai(encoder.model))
    assert all(torch.equal(value, state[name]) for name, value in loaded.model.state_dict().items())
    save(encoder, tmp_path / "model")  # again, over it, as checkpoints are


def test_merging_for_good_keeps_the_embeddings_and_leaves_a_plain_model() -> None:
    encoder = trained()
    expected, digest = embedded(encoder), encoder.parameters_hash()
    lora.merge(encoder.model)
    torch.testing.assert_close(embedded(encoder), expected, rtol=0, atol=1e-6)
    assert encoder.parameters_hash() == digest
    assert encoder.model.state_dict().keys() == new(SHAPE).model.state_dict().keys()
    lora.merge(encoder.model)
    assert encoder.parameters_hash() == digest
    set_trainable(encoder, "lora")  # and may be adapted anew
    assert encoder.parameters_hash() == digest


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # between those two
def test_peft_loads_the_adapter_onto_the_base_model(tmp_path: Path) -> None:
    encoder = trained()
    save(encoder, tmp_path / "tuned")
    save(new(SHAPE), tmp_path / "base")
    model: Any = peft.PeftModel.from_pretrained(
        CLIPModel.from_pretrained(tmp_path / "base"), tmp_path / "tuned/adapter"
    )
    other = load(tmp_path / "base")
    other.model = model.merge_and_unload()
    torch.testing.assert_close(embedded(other.eval()), embedded(encoder), rtol=0, atol=1e-6)
    settings = peft.LoraConfig.from_pretrained(tmp_path / "tuned" / "adapter")
    assert (settings.r, settings.lora_alpha, settings.base_model_name_or_path) == (3, 12, "the base")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LoraConfig(towers="text"), {"text_model"}),
        (LoraConfig(towers="vision"), {"vision_model"}),
        (LoraConfig(), {"text_model", "vision_model"}),
    ],
)
def test_only_the_chosen_towers_are_adapted(config: LoraConfig, expected: set[str]) -> None:
    encoder = new(SHAPE)
    set_trainable(encoder, "lora", lora=config)
    names = [name for name, p in encoder.model.named_parameters() if p.requires_grad]
    assert {name.split(".")[0] for name in names} == expected
    assert len(names) == 2 * 6 * 2 * len(expected)


@pytest.mark.parametrize(
    ("target", "places"), [("attention", {"q_proj", "k_proj", "v_proj", "out_proj"}), ("mlp", {"fc1", "fc2"})]
)
def test_only_the_chosen_matrices_are_adapted(target: Any, places: set[str]) -> None:
    encoder = new(SHAPE)
    table = set_trainable(encoder, "lora", lora=LoraConfig(rank=2, targets=(target,)))
    names = [name for name, p in encoder.model.named_parameters() if p.requires_grad]
    assert {name.split(".")[-4] for name in names} == places
    across = 4 * (32 + 32) if target == "attention" else 2 * (32 + 128)
    assert table.learning == 2 * across * 2 * 2  # rank, widths, blocks, towers
    assert [(row.name, row.parameters) for row in table.rows if row.learns] == [
        ("text adapters", table.learning // 2),
        ("vision adapters", table.learning // 2),
    ]


def test_the_adapters_input_is_dropped_in_training_only() -> None:
    encoder = trained(LoraConfig(dropout=0.5))
    assert torch.equal(embedded(encoder), embedded(encoder))
    encoder.train()
    assert not torch.equal(embedded(encoder), embedded(encoder))


def test_a_copy_has_adapters_of_its_own() -> None:
    encoder = trained()
    other = copy.deepcopy(encoder)
    lora.merge(other.model)
    assert lora.is_adapted(encoder.model)
    assert not lora.is_adapted(other.model)


def test_adapters_are_not_stacked_and_peft_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = trained()
    with pytest.raises(HairsplitError, match="has adapters already"):
        lora.add_adapters(encoder.model, CONFIG)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HairsplitError, match="lora needs peft") as caught:
        set_trainable(new(SHAPE), "lora")
    assert "hairsplit[lora]" in str(caught.value)
