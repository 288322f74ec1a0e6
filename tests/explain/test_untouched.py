"""A model is as it was after an explanation, and no more of it is run than the method needs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPMLP

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.explain import (
    ExplainConfig,
    Explainer,
    clip_subject,
    contrast_captions,
    explain,
    explain_caption,
    explain_span,
)
from hairsplit.explain.subject import Subject
from hairsplit.explain.towers import Tower
from tests.explain.small import encoder
from tests.explain.test_attribute import CAPTION, SWAPPED, picture


def state(model: DualEncoder) -> dict[str, Any]:
    """All that a user could notice."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "weights": model.parameters_hash(),
        "modes": [module.training for module in model.modules()],
        "learns": [p.requires_grad for p in model.parameters()],
        "gradients": [None if p.grad is None else p.grad.sum().item() for p in model.parameters()],
        "hooks": sum(len(getattr(module, name)) for module in model.modules() for name in hooks),
        "random": torch.get_rng_state().sum().item(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "kernels": (torch._C._get_flash_sdp_enabled(), torch._C._get_mem_efficient_sdp_enabled()),
        "gradients on": torch.is_grad_enabled(),
    }


def outputs(model: DualEncoder) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    images = [torch.randn(n, 3, 16, 16, generator=draw, dtype=torch.float64) for n in (2, 3)]
    return [*(model.encode_image(one).detach() for one in images), model.encode_text(model.tokenize([CAPTION] * 2))]


def prepared() -> DualEncoder:
    """In training mode but for one block, with gradients from a step before, and with dropout."""
    made = encoder()
    for config in (made.model.config.text_config, made.model.config.vision_config):
        config.attention_dropout = 0.5
    made.train()
    made.text_blocks[0].eval()
    for block in (*made.text_blocks, *made.vision_blocks):
        block.get_submodule("self_attn").dropout = 0.5
    for p in made.parameters():
        p.grad = torch.ones_like(p)
    return made


@pytest.mark.parametrize("settings", [{"preset": "fast"}, {"preset": "pixels"}, {"engine": "mixed"}])
def test_the_model_is_left_as_it_was(settings: dict[str, Any]) -> None:
    model = prepared()
    calm = encoder()
    before, gave = state(model), outputs(calm)
    found = explain(model, picture(), CAPTION, tolerance=1e-2, **settings)
    assert state(model) == before
    assert found.score == pytest.approx(explain(calm, picture(), CAPTION, tolerance=1e-2, **settings).score, abs=1e-12)
    for old, new in zip(gave, outputs(calm), strict=True):
        assert torch.equal(old, new)


class _BrokenError(Exception):
    pass


@pytest.mark.parametrize("at", [1, 2, 5, 9])
def test_the_model_is_left_as_it_was_after_a_failure(at: int) -> None:
    """At whichever call of a block it happens."""
    model = prepared()
    before = state(model)
    subject, calls = clip_subject(model), Counter[str]()

    def breaking(block: Any, hidden: Tensor) -> Tensor:
        calls["block"] += 1
        if calls["block"] == at:
            raise _BrokenError
        return block(hidden)  # type: ignore[no-any-return]

    text = replace(subject.text, blocks=tuple(partial(breaking, block) for block in subject.text.blocks))
    image = replace(subject.image, blocks=tuple(partial(breaking, block) for block in subject.image.blocks))
    made = Explainer(replace(subject, text=text, image=image), ExplainConfig(image_layer=0))
    with pytest.raises(_BrokenError):
        explain_caption(made, made.image_side(picture()), CAPTION)
    assert state(model) == before


@pytest.mark.parametrize("where", ["text_blocks", "vision_blocks"])
@pytest.mark.parametrize("preset", ["fast", "pixels"])
def test_a_hook_that_changes_the_model_is_part_of_it(preset: Any, where: str) -> None:
    """Or the parts would add up to the score of another model."""
    model = encoder()
    plain = explain(model, picture(), CAPTION, preset=preset)
    inside = getattr(model, where)[-1].mlp.fc2
    handle = inside.register_forward_hook(lambda _module, _inputs, output: 2 * output)
    before = state(model)
    found = explain(model, picture(), CAPTION, preset=preset)
    assert state(model) == before
    handle.remove()
    assert found.score != pytest.approx(plain.score, abs=1e-4)
    assert found.gap == pytest.approx(0, abs=5e-3)
    with torch.no_grad():
        inside.weight.mul_(2)
        inside.bias.mul_(2)
    same = explain(model, picture(), CAPTION, preset=preset)
    assert found.score == pytest.approx(same.score, abs=1e-12)
    assert found.values == pytest.approx(same.values, abs=5e-3)


class _Doubled(CLIPMLP):  # type: ignore[misc]  # transformers is not typed
    def forward(self, hidden_states: Tensor) -> Tensor:
        once: Tensor = super().forward(hidden_states)
        return 2 * once


@pytest.mark.parametrize("preset", ["fast", "pixels"])
def test_blocks_that_only_look_like_clips_are_run_as_they_are(preset: Any) -> None:
    """A subclass has the same parts and may do something else with them."""
    model = encoder()
    plain = explain(model, picture(), CAPTION, preset=preset)
    for block in (model.text_blocks[-1], model.vision_blocks[-1]):
        block.mlp.__class__ = _Doubled
    found = explain(model, picture(), CAPTION, preset=preset)
    assert found.score != pytest.approx(plain.score, abs=1e-4)
    assert found.gap == pytest.approx(0, abs=5e-3)


def test_half_precision_is_refused_and_left_alone() -> None:
    model = encoder().half().train()
    with pytest.raises(HairsplitError, match="float16"):
        explain(model, picture(), CAPTION)
    assert model.training


def test_autocast_has_no_say() -> None:
    model = encoder().float()
    plain = explain(model, picture(), CAPTION)
    with torch.autocast("cpu", torch.bfloat16):
        cast = explain(model, picture(), CAPTION)
    assert (plain.values == cast.values).all()
    with torch.inference_mode(), torch.no_grad():
        assert (explain(model, picture(), CAPTION).values == plain.values).all()


@contextmanager
def counted(explainer: Explainer) -> Iterator[tuple[Explainer, Counter[str]]]:
    """The same with a note of each call of a tower's blocks and of what it is for."""
    calls: Counter[str] = Counter()

    def noted(side: str, block: Any, hidden: Tensor) -> Tensor:
        kind = "derivative" if torch._C._functorch.maybe_get_level(hidden) > 0 else "value"
        calls[f"{side} {kind}"] += 1
        return block(hidden)  # type: ignore[no-any-return]

    def tower(one: Tower) -> Tower:
        first, *rest = one.blocks
        return replace(one, blocks=(partial(noted, one.side, first), *rest))

    subject = explainer.subject
    yield replace(explainer, subject=replace(subject, text=tower(subject.text), image=tower(subject.image))), calls


def plain(subject: Subject) -> Subject:
    """As a model of another library: nothing is known of its blocks."""
    return replace(
        subject, text=replace(subject.text, last=None, parts=()), image=replace(subject.image, last=None, parts=())
    )


def test_a_second_caption_calls_the_image_tower_no_more() -> None:
    for config in (ExplainConfig(), ExplainConfig(image_layer=0)):
        with counted(Explainer(clip_subject(encoder()), config)) as (made, calls):
            side = made.image_side(picture(), keep_factors=config.image_layer == 0)
            explain_caption(made, side, CAPTION)
            before = {kind: n for kind, n in calls.items() if kind.startswith("image")}
            assert before["image value"] >= 1
            explain_caption(made, side, SWAPPED)
            explain_span(made, side, CAPTION, "red dog")
            contrast_captions(made, side, CAPTION, SWAPPED)
            assert {kind: n for kind, n in calls.items() if kind.startswith("image")} == before


def test_a_second_picture_and_caption_do_not_encode_the_blanks_again() -> None:
    with counted(Explainer(clip_subject(encoder()), ExplainConfig(text_layer=-1))) as (made, calls):
        for n, expected in ((0, 2), (1, 3)):
            side = made.image_side(picture(n))
            assert calls["image value"] == expected
            explain_caption(made, side, (CAPTION, SWAPPED)[n])
            assert calls["text value"] == expected


def test_a_span_is_two_passes_forward_and_one_back() -> None:
    config = ExplainConfig(image_layer=0, rule="gauss", nodes=4)
    with counted(Explainer(plain(clip_subject(encoder())), config)) as (made, calls):
        side = made.image_side(picture())
        assert calls == {"image value": 2}
        explain_span(made, side, CAPTION, "red dog")
        assert calls == {"image value": 2, "image derivative": 1, "text value": 2, "text derivative": 2}


def test_a_whole_caption_is_a_pass_forward_for_each_word_and_one_graph_back() -> None:
    config = ExplainConfig(image_layer=0, rule="gauss", nodes=4)
    with counted(Explainer(plain(clip_subject(encoder())), config)) as (made, calls):
        side = made.image_side(picture())
        explain_caption(made, side, CAPTION)
        assert calls == {
            "image value": 2,
            "image derivative": 1,
            "text value": 2,
            "text derivative": len(CAPTION.split()),
        }


def test_a_contrast_is_a_pass_forward_for_each_changed_word() -> None:
    config = ExplainConfig(image_layer=0, rule="gauss", nodes=4)
    with counted(Explainer(plain(clip_subject(encoder())), config)) as (made, calls):
        side = made.image_side(picture())
        contrast_captions(made, side, CAPTION, SWAPPED)
        assert calls["text derivative"] == 2  # dog -> car and car -> dog
        assert calls["text value"] == 1  # both captions together
