"""The encoder's interface, and every way of naming a model."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize, pad
from torch.testing import assert_close
from transformers import CLIPModel

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import _load
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, load, new, save
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer

SHAPE = CLIPShape(image_size=24, patch=8, vision_width=32, vision_layers=2, text_width=32, merges=200, embedding=16)
TEXTS = ["a red circle", "the small blue square is left of a triangle", "cat"]


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=5)


def test_embeddings_are_of_unit_length(encoder: DualEncoder) -> None:
    image, text = encoder.encode_image(torch.randn(4, 3, 24, 24)), encoder.encode_text(encoder.tokenize(TEXTS))
    assert (image.shape, text.shape) == ((4, 16), (3, 16))
    assert_close(torch.cat([image, text]).norm(dim=1), torch.ones(7))
    assert (encoder.image_size, encoder.embedding_width, encoder.context_length) == (24, 16, 77)


def test_padding_after_the_end_token_changes_nothing(encoder: DualEncoder) -> None:
    ids = encoder.tokenize(TEXTS)
    alone = torch.cat([encoder.encode_text(encoder.tokenize([text])) for text in TEXTS])
    for padded in (ids, pad(ids, (0, 77 - ids.shape[1])), pad(ids, (0, 9), value=encoder.tokenizer.eos)):
        assert_close(encoder.encode_text(padded), alone, rtol=0, atol=1e-6)


def test_features_are_those_of_transformers(encoder: DualEncoder, tmp_path: Path) -> None:
    save(encoder, tmp_path / "m")
    theirs = CLIPModel.from_pretrained(tmp_path / "m")
    ids, pixels = encoder.tokenize(TEXTS), torch.randn(2, 3, 24, 24)
    with torch.no_grad():
        out = theirs(input_ids=ids, pixel_values=pixels)
        assert_close(encoder.encode_text(ids), out.text_embeds, rtol=0, atol=1e-6)
        assert_close(encoder.encode_image(pixels), out.image_embeds, rtol=0, atol=1e-6)


def test_projections_of_all_positions_hold_the_embeddings(encoder: DualEncoder) -> None:
    """Oracle: transformers' hidden states behind its last block, normed and projected one at a time."""
    ids, pixels = encoder.tokenize(TEXTS), torch.randn(2, 3, 24, 24)
    model = encoder.model
    with torch.no_grad():
        image, text = encoder.project_image(pixels), encoder.project_text(ids)
        assert (image.shape, text.shape) == ((2, 10, 16), (*ids.shape, 16))
        assert_close(normalize(image[:, 0], dim=-1), encoder.encode_image(pixels))
        ends = (ids == encoder.tokenizer.eos).int().argmax(dim=-1)
        assert_close(normalize(text[torch.arange(3), ends], dim=-1), encoder.encode_text(ids))
        hidden = model.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states[-1]
        for n in range(10):
            expected = model.visual_projection(model.vision_model.post_layernorm(hidden[:, n]))
            assert_close(image[:, n], expected, rtol=0, atol=1e-6)
        for n in range(1, int(ends[0])):  # causal: a text that ends there
            short = torch.cat([ids[:1, : n + 1]], dim=1)
            assert_close(encoder.project_text(short)[0, n], text[0, n], rtol=0, atol=1e-6)


def test_the_end_token_is_found_even_where_the_configuration_names_a_wrong_one(tmp_path: Path) -> None:
    made = new(SHAPE, seed=5)
    save(made, tmp_path / "m")
    config = json.loads((tmp_path / "m" / "config.json").read_text("utf-8"))
    config["text_config"] |= {"eos_token_id": 2, "bos_token_id": 0}  # as in OpenAI's old files on the hub
    (tmp_path / "m" / "config.json").write_text(json.dumps(config), "utf-8")
    old = load(tmp_path / "m")
    ids = old.tokenize(TEXTS)
    assert torch.equal(old.encode_text(ids), made.encode_text(ids))
    save(old, tmp_path / "again")
    text = json.loads((tmp_path / "again" / "config.json").read_text("utf-8"))["text_config"]
    assert (text["bos_token_id"], text["eos_token_id"]) == (made.tokenizer.bos, made.tokenizer.eos)


def test_the_scale_is_the_exponential_up_to_100_and_carries_gradient() -> None:
    made = new(SHAPE)
    assert_close(made.scale.item(), 14.285, rtol=1e-3, atol=0)
    torch.autograd.backward(made.scale)
    assert made.model.logit_scale.grad is not None
    with torch.no_grad():
        made.model.logit_scale.fill_(6.0)
    assert made.scale.item() == 100
    made.model.logit_scale = nn.Parameter(torch.tensor([1.0]))  # as sharded engines need it
    assert made.scale.shape == ()


def test_blocks_of_both_towers_are_within_reach(encoder: DualEncoder) -> None:
    assert (len(encoder.vision_blocks), len(encoder.text_blocks)) == (2, 3)
    assert encoder.vision_blocks[0] is encoder.model.vision_model.encoder.layers[0]


def test_embeddings_are_float32_under_autocast(encoder: DualEncoder) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert encoder.encode_text(encoder.tokenize(TEXTS)).dtype == torch.float32


def test_a_seed_gives_the_same_model_and_leaves_the_global_state_alone() -> None:
    before = torch.get_rng_state()
    hashes = [new(SHAPE, seed=seed).parameters_hash() for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_hash_sees_a_single_changed_bit() -> None:
    made = new(SHAPE)
    before = made.parameters_hash()
    with torch.no_grad():
        made.model.text_model.final_layer_norm.bias[3] = 1e-30
    assert made.parameters_hash() != before


def test_parts_that_do_not_fit_together_are_refused(encoder: DualEncoder) -> None:
    with pytest.raises(HairsplitError, match="ids, the model only"):
        DualEncoder(encoder.model, Tokenizer(201), encoder.preprocess)
    with pytest.raises(HairsplitError, match="32 px images, the model takes 24"):
        DualEncoder(encoder.model, encoder.tokenizer, Preprocess(32))


@pytest.mark.parametrize("wrong", [{"patch": 7}, {"vision_heads": 5}, {"text_heads": 0}])
def test_a_shape_that_does_not_divide_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(HairsplitError, match="no multiple"):
        CLIPShape(**wrong)


def test_what_is_saved_is_loaded_the_same(
    encoder: DualEncoder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save(encoder, tmp_path / "m")
    save(encoder, tmp_path / "m")  # over an older one
    again = load(str(tmp_path / "m"))
    assert again.parameters_hash() == encoder.parameters_hash()
    assert again.preprocess == encoder.preprocess
    assert again.tokenizer.ids(TEXTS) == encoder.tokenizer.ids(TEXTS)
    assert not again.training
    assert again.model.config._attn_implementation == "sdpa"
    assert [child.name for child in tmp_path.iterdir()] == ["m"]
    assert "%|" not in capfd.readouterr().err  # no progress bars


def test_saving_over_something_that_is_no_model_changes_nothing(encoder: DualEncoder, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years", "utf-8")
    with pytest.raises(HairsplitError, match="no model"):
        save(encoder, tmp_path)
    assert [child.name for child in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("layout", ["", "checkpoints"])
def test_a_run_folder_gives_its_best_checkpoint_or_else_its_last(layout: str, tmp_path: Path) -> None:
    best, last = new(SHAPE, seed=1), new(SHAPE, seed=2)
    save(last, tmp_path / layout / "last")
    assert load(tmp_path).parameters_hash() == last.parameters_hash()
    save(best, tmp_path / layout / "best")
    assert load(tmp_path).parameters_hash() == best.parameters_hash()


def test_a_folder_without_tokenizer_and_preprocessing_gets_clips_own(encoder: DualEncoder, tmp_path: Path) -> None:
    encoder.model.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.tokenizer.ids(TEXTS) == encoder.tokenizer.ids(TEXTS)
    assert again.preprocess == Preprocess(24)


def test_a_checkpoint_with_missing_weights_is_an_error_not_random_weights(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save(new(SHAPE), tmp_path / "m")
    weights = load_file(tmp_path / "m" / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(HairsplitError, match=r"missing text_projection\.weight"):
        load(tmp_path / "m")


@pytest.mark.parametrize("content", [b"", b"torn"])
def test_a_torn_checkpoint_is_an_error(content: bytes, tmp_path: Path) -> None:
    save(new(SHAPE), tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").write_bytes(content)
    with pytest.raises(HairsplitError, match="cannot be read"):
        load(tmp_path / "m")


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "siglip"}', "utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(HairsplitError, match="'siglip' model, not CLIP"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("tinny", "no such file", "did you mean 'tiny'"),
        ("./nowhere", "no such file", "a MODEL is"),
        ("weights.pt", "no such file", "a MODEL is"),
        ("ViT-B/23", "no such file", "did you mean 'ViT-B/32'"),
        ("openai/clip-of-nobody", "nor a hub model", "HAIRSPLIT_DOWNLOAD=1"),
        ("a b/c", "no such file", "a MODEL is"),
        ("", "no such file", "a MODEL is"),
    ],
)
def test_a_model_that_is_not_there_is_an_error_with_a_way_out(
    spec: str, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HairsplitError) as caught:
        load(spec)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_neighbour_on_the_disk_is_suggested(tmp_path: Path) -> None:
    save(new(SHAPE), tmp_path / "model_a")
    with pytest.raises(HairsplitError) as caught:
        load(tmp_path / "model_b")
    assert "model_a" in caught.value.hint


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="holds no model"):
        load(tmp_path)


def test_tiny_is_loaded_from_the_package_or_missed_clearly() -> None:
    if (_load.TINY / "config.json").is_file():
        assert load("tiny").name == "tiny"
    else:
        with pytest.raises(HairsplitError, match="weights of 'tiny' are missing"):
            load("tiny")
