"""Every method keeps the contract, and each rival agrees with its definition written with transformers' own modules."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import cosine_similarity

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.explain import ExplainConfig, Explainer, ImageSide, clip_subject, explain_caption
from hairsplit.explain.methods import METHODS
from hairsplit.explain.pictures import pixels
from tests.explain.linear import subject
from tests.explain.small import SHAPE, encoder
from tests.explain.test_linear import picture as coloured
from tests.explain.test_untouched import state

CAPTION = "a red dog on a car"
SPANS = ("red", "dog", "red dog")
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8))
RIVALS = ("patch_similarity", "maskclip_like", "grad_eclip_like", "gradient_x_attention")


@cache
def model() -> DualEncoder:
    return encoder(replace(SHAPE, image_size=24), sharp=3.0)


def setting(image_layer: int = -1) -> tuple[Explainer, ImageSide]:
    made = Explainer(clip_subject(model()), ExplainConfig(image_layer=image_layer))
    return made, made.image_side(PICTURE)


def heats(name: str, image_layer: int = -1) -> np.ndarray:
    return np.asarray(METHODS[name].heats(*setting(image_layer), CAPTION, SPANS))


def text(words: str) -> Tensor:
    return model().encode_text(model().tokenize([words])).detach()[0]


def seen() -> Tensor:
    return pixels(model().preprocess, PICTURE).double().unsqueeze(0)


@pytest.mark.parametrize("name", METHODS.names())
def test_heats_are_finite_numbers_on_the_grid(name: str) -> None:
    found = heats(name)
    assert found.shape == (3, 3, 3)
    assert np.isfinite(found).all()
    assert found.std() > 0
    assert not np.allclose(found[0], found[1])  # another word, another heat


@pytest.mark.parametrize("name", METHODS.names())
def test_one_span_is_a_row_of_several(name: str) -> None:
    alone = METHODS[name].heat(*setting(), CAPTION, "dog")
    np.testing.assert_allclose(alone, heats(name)[1], rtol=0, atol=2e-3 * np.abs(alone).max())
    np.testing.assert_array_equal(METHODS[name].heat(*setting(), CAPTION, "dog"), alone)


@pytest.mark.parametrize("name", METHODS.names())
def test_words_that_are_not_there_are_refused(name: str) -> None:
    with pytest.raises(HairsplitError, match="'cat' is not in the caption"):
        METHODS[name].heat(*setting(), CAPTION, "cat")
    with pytest.raises(HairsplitError, match="2 times"):
        METHODS[name].heat(*setting(), CAPTION, "a")
    assert METHODS[name].heat(*setting(), CAPTION, (4, 5)).shape == (3, 3)


@pytest.mark.parametrize("name", METHODS.names())
def test_the_model_is_left_as_it_was(name: str) -> None:
    model().train()
    try:
        before = state(model())
        heats(name)
        assert state(model()) == before
    finally:
        model().eval()


@pytest.mark.parametrize("name", RIVALS)
def test_models_that_a_method_cannot_see_into_are_refused(name: str) -> None:
    made = Explainer(subject(), ExplainConfig(text_layer=0, image_layer=0, score="dot"))
    with pytest.raises(HairsplitError, match="take the method second_order"):
        METHODS[name].heat(made, made.image_side(coloured()[0]), "red square", "red")


@pytest.mark.parametrize("name", METHODS.names())
def test_only_what_is_second_order_claims_to_add_up(name: str) -> None:
    entry = METHODS[name]
    assert entry.adds_up == (entry.order == 2) == (name == "second_order")
    assert entry.description
    assert entry.reference


def test_second_order_is_the_explanation() -> None:
    whole = explain_caption(*setting(0), CAPTION)
    np.testing.assert_allclose(heats("second_order", 0)[2], whole.heat("red dog"), rtol=0, atol=1e-12)


def test_random_depends_on_picture_caption_and_words_alone() -> None:
    found = heats("random")
    np.testing.assert_array_equal(heats("random"), found)
    made, _ = setting()
    other = made.image_side(PICTURE.rotate(180))
    assert not np.allclose(METHODS["random"].heat(made, other, CAPTION, "red"), found[0])
    assert not np.allclose(METHODS["random"].heat(*setting(), CAPTION + " now", "red"), found[0])


@pytest.mark.parametrize("layer", [-1, 0])
def test_patch_similarity_is_the_cosine_of_transformers_output(layer: int) -> None:
    vision: Any = model().model.vision_model
    with torch.no_grad():
        output = vision(pixel_values=seen()).last_hidden_state[0, 1:]
        patches = model().model.visual_projection(vision.post_layernorm(output))
        expected = torch.stack([cosine_similarity(patches, text(span), dim=-1) for span in SPANS])
    np.testing.assert_allclose(heats("patch_similarity", layer), expected.reshape(3, 3, 3), rtol=0, atol=1e-6)


@pytest.mark.parametrize("layer", [-1, 0])
def test_in_maskclip_the_last_block_sees_each_patch_alone(layer: int) -> None:
    """Oracle: the block itself, on sequences of length one, in which attention can only be on oneself."""
    vision: Any = model().model.vision_model
    with torch.no_grad():
        hidden = vision(pixel_values=seen(), output_hidden_states=True).hidden_states[-2][0, 1:]
        output = model().vision_blocks[-1](hidden.unsqueeze(1), None)[:, 0]
        patches = model().model.visual_projection(vision.post_layernorm(output))
        expected = torch.stack([cosine_similarity(patches, text(span), dim=-1) for span in SPANS])
    np.testing.assert_allclose(heats("maskclip_like", layer), expected.reshape(3, 3, 3), rtol=0, atol=1e-6)


@pytest.mark.parametrize("layer", [-1, 0])
def test_grad_eclip_agrees_with_hooks_and_loops(layer: int) -> None:
    attention: Any = model().vision_blocks[-1].self_attn
    kept: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            kept[name] = inputs[0] if name == "seen" else output
            kept[name].retain_grad()

        return hook

    names = {"seen": "out_proj", "query": "q_proj", "key": "k_proj", "value": "v_proj"}
    handles = [getattr(attention, part).register_forward_hook(keep(name)) for name, part in names.items()]
    expected = np.zeros((3, 9))
    try:
        for row, span in enumerate(SPANS):
            (model().encode_image(seen())[0] @ text(span)).backward()  # type: ignore[no-untyped-call]
            slope = kept["seen"].grad
            assert slope is not None
            query, key, value = (kept[name][0].detach() for name in ("query", "key", "value"))
            alike = [float(query[0] @ k / (query[0].norm() * k.norm())) for k in key[1:]]
            for n in range(9):
                weight = (alike[n] - min(alike)) / (max(alike) - min(alike))
                expected[row, n] = max(0.0, weight * float(slope[0, 0] @ value[n + 1]))
    finally:
        for handle in handles:
            handle.remove()
        model().zero_grad(set_to_none=True)
    found = heats("grad_eclip_like", layer).reshape(3, 9)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * expected.max())


@pytest.mark.parametrize("layer", [0, 1, -1])
def test_gradient_x_attention_agrees_with_transformers_own_maps(layer: int) -> None:
    """Oracle: eager attention, whose maps transformers hands out; its softmax is in float32."""
    whole = encoder(replace(SHAPE, image_size=24), sharp=3.0)
    whole.model.set_attn_implementation("eager")
    vision: Any = whole.model.vision_model
    expected = []
    for span in SPANS:
        found = vision(pixel_values=seen(), output_attentions=True)
        for one in found.attentions:
            one.retain_grad()
        embedded = whole.model.visual_projection(found.pooler_output)[0]
        cosine_similarity(embedded, text(span), dim=-1).backward()  # type: ignore[no-untyped-call]
        relevance = torch.eye(10, dtype=torch.float64)
        for one in found.attentions[layer:]:
            relevance = relevance + (one.grad * one)[0].clamp(min=0).mean(0).detach() @ relevance
        expected.append(relevance[0, 1:].reshape(3, 3))
    np.testing.assert_allclose(
        heats("gradient_x_attention", layer), torch.stack(expected), rtol=0, atol=4e-6 * float(expected[2].max())
    )
