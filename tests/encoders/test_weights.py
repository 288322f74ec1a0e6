"""OpenAI's and open_clip's state dicts against an independent forward pass, and round trips bit for bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.testing import assert_close
from transformers import CLIPModel

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, load, new
from hairsplit.encoders.export import save_open_clip, save_openai
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer
from hairsplit.encoders.weights import Activation, build_model, from_openai, infer_config, to_openai
from tests.encoders.openai_reference import B32, L14, SMALL, State, as_module, logits, meta_state, random_state
from tests.encoders.openai_reference import Shape as OpenAIShape

NUMBERS = {"input_resolution": 32, "context_length": 20, "vocab_size": 600}


def tokenizer_for(shape: OpenAIShape) -> Tokenizer:
    return Tokenizer(shape.vocabulary - 514)


def inputs(shape: OpenAIShape) -> tuple[Tensor, Tensor]:
    pixels = torch.randn(2, 3, shape.image, shape.image, generator=torch.Generator().manual_seed(1))
    return pixels, tokenizer_for(shape).batch(["a cat", "two dogs on a mat", "the mug"], shape.context)


def our_logits(encoder: DualEncoder, pixels: Tensor, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return encoder.scale * encoder.encode_image(pixels) @ encoder.encode_text(ids).T


def encoder_of(state: State, shape: OpenAIShape, activation: Activation) -> DualEncoder:
    return DualEncoder(build_model(state, activation), tokenizer_for(shape), Preprocess(shape.image))


@pytest.mark.parametrize(
    "shape",
    [SMALL, replace(B32, vision_layers=2, text_layers=2), replace(L14, vision_layers=1, text_layers=2, vocabulary=700)],
    ids=["small", "ViT-B/32", "ViT-L/14"],
)
def test_logits_equal_those_of_openais_forward_pass(shape: OpenAIShape) -> None:
    state = random_state(shape)
    pixels, ids = inputs(shape)
    expected = logits(state, shape, pixels, ids)
    actual = our_logits(encoder_of(state, shape, "quick_gelu"), pixels, ids)
    assert expected.std() > 1e-2  # else anything would agree
    assert_close(actual / state["logit_scale"].exp(), expected / state["logit_scale"].exp(), rtol=0, atol=1e-6)


def test_the_activation_makes_a_difference_and_gelu_is_right_too() -> None:
    state = random_state(SMALL)
    pixels, ids = inputs(SMALL)
    plain = our_logits(encoder_of(state, SMALL, "gelu"), pixels, ids)
    assert_close(plain, logits(state, SMALL, pixels, ids, quick=False), rtol=0, atol=1e-5)
    assert (plain - logits(state, SMALL, pixels, ids)).abs().max() > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_the_round_trip_is_equal_bit_for_bit(dtype: torch.dtype) -> None:
    state = {name: value.to(dtype) for name, value in random_state(SMALL).items()}
    mapped = from_openai(state)
    model = build_model(state, "quick_gelu").to(dtype)
    assert model.state_dict().keys() == mapped.keys()
    again = to_openai(model)
    assert again.keys() == state.keys()
    for name, value in state.items():
        assert again[name].dtype == dtype
        wide = value if dtype != torch.float64 else value.float().double()  # a model is built in float32
        assert torch.equal(again[name], wide), name


@pytest.mark.parametrize(("shape", "parameters", "heads"), [(B32, 151_277_313, (12, 8)), (L14, 427_616_513, (16, 12))])
def test_the_published_shapes_are_recognised(shape: OpenAIShape, parameters: int, heads: tuple[int, int]) -> None:
    state = meta_state(shape)
    config = infer_config(state, "quick_gelu")
    with torch.device("meta"):
        model = CLIPModel(config)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert {k: v.shape for k, v in from_openai(state).items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert {k: v.shape for k, v in to_openai(model).items()} == {k: v.shape for k, v in state.items()}
    assert (config.vision_config.num_attention_heads, config.text_config.num_attention_heads) == heads
    assert (config.vision_config.image_size, config.vision_config.patch_size) == (224, shape.patch)
    assert (config.text_config.eos_token_id, config.text_config.hidden_act) == (49_407, "quick_gelu")


def test_a_resnet_clip_is_refused_by_name() -> None:
    state = {"visual.layer1.0.conv1.weight": torch.zeros(1), "visual.attnpool.positional_embedding": torch.zeros(1)}
    with pytest.raises(HairsplitError, match="ResNet CLIP"):
        from_openai(state)
    with pytest.raises(HairsplitError, match="ResNet CLIP"):
        load("RN50x4")


def test_missing_and_unknown_keys_are_listed() -> None:
    state = random_state(SMALL)
    del state["visual.transformer.resblocks.0.ln_1.bias"], state["ln_final.weight"]
    state["visual.head.weight"] = torch.zeros(1)
    with pytest.raises(HairsplitError) as caught:
        from_openai(state, "x.pt")
    for name in ("x.pt", "visual.transformer.resblocks.0.ln_1.bias", "ln_final.weight", "unknown visual.head.weight"):
        assert name in str(caught.value)


def test_shapes_that_contradict_each_other_are_refused() -> None:
    state = random_state(SMALL)
    with pytest.raises(HairsplitError, match="expected"):
        build_model(state | {"ln_final.bias": torch.zeros(3)}, "gelu")
    with pytest.raises(HairsplitError, match="no square"):
        build_model(state | {"visual.positional_embedding": torch.zeros(7, 128)}, "gelu")
    with pytest.raises(HairsplitError, match="how many attention heads"):
        infer_config(meta_state(replace(SMALL, text_width=96)), "gelu")


def loaded(file: Path, **more: Any) -> DualEncoder:
    encoder = load(file, **more)
    pixels, ids = inputs(SMALL)
    assert_close(our_logits(encoder, pixels, ids), logits(random_state(SMALL), SMALL, pixels, ids), rtol=0, atol=1e-5)
    return encoder


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state_dict"])
def test_state_dict_files_with_openais_numbers_are_quick_gelu(wrapper: str | None, tmp_path: Path) -> None:
    state: dict[str, Any] = {f"module.{k}" if wrapper else k: v for k, v in random_state(SMALL).items()} | NUMBERS
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "clip.pt")
    encoder = loaded(tmp_path / "clip.pt")
    assert (encoder.model.config.text_config.hidden_act, encoder.context_length) == ("quick_gelu", 20)
    assert not encoder.training


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of writing TorchScript
def test_openais_torchscript_archives_are_read(tmp_path: Path) -> None:
    state = random_state(SMALL) | {name: torch.tensor(number) for name, number in NUMBERS.items()}
    torch.jit.save(torch.jit.script(as_module(state)), str(tmp_path / "clip.pt"))
    loaded(tmp_path / "clip.pt")


def test_half_precision_weights_become_float32_exactly(tmp_path: Path) -> None:
    half = {name: value.half() for name, value in random_state(SMALL).items()}
    save_file(half, tmp_path / "clip.safetensors")
    encoder = load(tmp_path / "clip.safetensors")
    assert all(torch.equal(value, half[name].float()) for name, value in to_openai(encoder.model).items())


def test_a_bare_state_dict_needs_its_activation_told(tmp_path: Path) -> None:
    file = tmp_path / "clip.safetensors"
    save_file(random_state(SMALL), file)
    with pytest.raises(HairsplitError, match="does not tell the activation"):
        load(file)
    loaded(file, activation="quick_gelu")
    assert load(f"{file}@quick_gelu").model.config.vision_config.hidden_act == "quick_gelu"
    assert load(f"{file}@gelu").model.config.vision_config.hidden_act == "gelu"


def test_a_file_and_a_user_that_disagree_about_the_activation_are_stopped(tmp_path: Path) -> None:
    torch.save(random_state(SMALL) | NUMBERS, tmp_path / "clip.pt")
    with pytest.raises(HairsplitError, match="the file says quick_gelu"):
        load(tmp_path / "clip.pt", activation="gelu")


class Stranger:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path("pwned").touch, ())


@pytest.mark.parametrize(
    ("content", "message"),
    [({"a": Stranger()}, "more than tensors"), ([1, 2], "no state dict"), ({"a": "text"}, "no tensor")],
)
def test_a_file_of_anything_but_tensors_is_not_opened(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(HairsplitError, match=message) as caught:
        load(tmp_path / "x.pt")
    assert "weights_only" not in str(caught.value), "torch's advice to open it all the same"
    assert not Path("pwned").exists()


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors", "x.bin"])
@pytest.mark.parametrize("content", [b"", b"torn", b"PK\x03\x04 torn"])
def test_a_torn_file_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(HairsplitError, match=name):
        load(tmp_path / name)


def test_openai_export_is_read_back_the_same(tmp_path: Path) -> None:
    encoder = encoder_of(random_state(SMALL), SMALL, "quick_gelu")
    save_openai(encoder, tmp_path / "clip.pt")
    assert loaded(tmp_path / "clip.pt").parameters_hash() == encoder.parameters_hash()


def test_openai_export_refuses_what_openais_code_would_run_wrongly(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="activation is gelu"):
        save_openai(encoder_of(random_state(SMALL), SMALL, "gelu"), tmp_path / "x.pt")
    with pytest.raises(HairsplitError, match="a head has 32 channels"):
        save_openai(new(CLIPShape()), tmp_path / "x.pt")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("target", ["clip.pt", "clip.safetensors", "folder"])
def test_open_clip_export_keeps_heads_and_activation(activation: Activation, target: str, tmp_path: Path) -> None:
    shape = CLIPShape(vision_heads=8, text_heads=2, activation=activation, merges=100, mean=(0.5, 0.4, 0.3))
    encoder = new(shape, seed=3)
    save_open_clip(encoder, tmp_path / target)
    again = load(tmp_path / target)
    assert again.parameters_hash() == encoder.parameters_hash()
    for ours, theirs in (("vision_config", 8), ("text_config", 2)):
        config = getattr(again.model.config, ours)
        assert (config.num_attention_heads, config.hidden_act) == (theirs, activation)
    if target == "folder":
        assert again.preprocess == encoder.preprocess
