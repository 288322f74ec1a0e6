"""WiSE-FT: the ends bit for bit, the middle as written out, and nothing in between two different architectures."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, new
from hairsplit.encoders.interpolate import interpolate
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.trainable import set_trainable
from tests.small_world import SHAPE


@pytest.fixture
def base() -> DualEncoder:
    return new(SHAPE, name="base")


@pytest.fixture
def tuned() -> DualEncoder:
    """Another state of the same model; its logit scale too."""
    encoder = new(SHAPE, seed=1, name="tuned")
    encoder.model.logit_scale.data.fill_(4.0)
    return encoder


def embedded(encoder: DualEncoder) -> torch.Tensor:
    pixels = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.cat([encoder.encode_image(pixels), encoder.encode_text(encoder.tokenize(["a", "two dogs"]))])


def test_the_ends_are_the_models_themselves_bit_for_bit(base: DualEncoder, tuned: DualEncoder) -> None:
    base.model.text_projection.weight.data[0, 0] = -0.0
    tuned.model.text_projection.weight.data[0, 0] = 0.0
    for alpha, end in ((0.0, base), (1.0, tuned)):
        made = interpolate(base, tuned, alpha)
        assert made.parameters_hash() == end.parameters_hash()
        assert torch.equal(embedded(made), embedded(end))


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
def test_between_them_every_parameter_is_the_weighted_mean(base: DualEncoder, tuned: DualEncoder, alpha: float) -> None:
    before = base.parameters_hash(), tuned.parameters_hash()
    made = interpolate(base, tuned, alpha)
    theirs = dict(tuned.model.named_parameters())
    found = dict(made.model.named_parameters())
    for name, one in base.model.named_parameters():
        expected = (1 - alpha) * one.detach().double() + alpha * theirs[name].detach().double()
        assert torch.equal(found[name].detach(), expected.float()), name
    logs = [torch.log(encoder.scale.detach().double()) for encoder in (base, tuned)]
    torch.testing.assert_close(
        made.scale.detach().double(), torch.exp((1 - alpha) * logs[0] + alpha * logs[1]), rtol=1e-6, atol=0
    )
    assert (base.parameters_hash(), tuned.parameters_hash()) == before
    assert made.name == f"tuned (WiSE-FT {alpha:g} from base)"


def test_a_model_with_itself_is_itself(base: DualEncoder) -> None:
    assert interpolate(base, copy.deepcopy(base), 0.3).parameters_hash() == base.parameters_hash()


def test_adapters_are_merged_first(base: DualEncoder) -> None:
    """Half way to a LoRA model is the model with half the adapter."""
    tuned = copy.deepcopy(base)
    set_trainable(tuned, "lora")
    half = copy.deepcopy(tuned)
    for encoder, share in ((tuned, 1.0), (half, 0.5)):
        generator = torch.Generator().manual_seed(0)
        for name, parameter in encoder.model.named_parameters():
            if ".lora_B." in name:
                parameter.data.normal_(std=0.05, generator=generator).mul_(share)
    torch.testing.assert_close(embedded(interpolate(base, tuned, 0.5)), embedded(half), rtol=0, atol=1e-6)
    assert interpolate(base, tuned, 1).parameters_hash() == tuned.parameters_hash()


def with_heads(encoder: DualEncoder) -> None:
    encoder.model.config.text_config.num_attention_heads = 4


def with_other_colours(encoder: DualEncoder) -> None:
    encoder.preprocess = Preprocess(24, mean=(0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_heads, "num_attention_heads of text_config is 4 in the first and 2 in the second"),
        (with_other_colours, "they prepare pictures differently"),
    ],
)
def test_settings_that_weights_do_not_show_are_compared(
    base: DualEncoder, tuned: DualEncoder, change: Callable[[DualEncoder], None], said: str
) -> None:
    change(base)
    with pytest.raises(HairsplitError) as caught:
        interpolate(base, tuned, 0.5)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (
            replace(SHAPE, merges=200),
            "text_model.embeddings.token_embedding.weight is [814, 32] in the first and [714,",
        ),
        (replace(SHAPE, text_layers=1), "text_model.encoder.layers.1."),
        (replace(SHAPE, vision_layers=3), "vision_model.encoder.layers.2."),
        (replace(SHAPE, activation="gelu"), "hidden_act of text_config is quick_gelu in the first and gelu in the"),
    ],
)
def test_models_of_different_shapes_are_refused_by_the_first_tensor(
    base: DualEncoder, shape: CLIPShape, said: str
) -> None:
    with pytest.raises(HairsplitError) as caught:
        interpolate(base, new(shape), 0.5)
    assert said in caught.value.message
    assert caught.value.where == "WiSE-FT"


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_a_share_beyond_the_ends_is_refused(base: DualEncoder, tuned: DualEncoder, alpha: float) -> None:
    with pytest.raises(HairsplitError, match="is not between 0 and 1"):
        interpolate(base, tuned, alpha)
