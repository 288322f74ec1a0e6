"""Whole pairs: scores anybody can recompute, references, contrasts, spans, boxes, mistakes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hairsplit.core.attribution import Attribution, Contrast
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, save
from hairsplit.explain import (
    ExplainConfig,
    Explainer,
    clip_subject,
    contrast,
    contrast_captions,
    explain,
    explain_box,
    explain_caption,
    explain_captions,
    explain_span,
    explainer_of,
)
from tests.explain.small import SHAPE, encoder

CAPTION, SWAPPED = "a red dog on a car", "a red car on a dog"
TOLERANCE = 1e-3


def picture(seed: int = 0, size: tuple[int, int] = (40, 24)) -> Image.Image:
    """Noise, wider than high."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8))


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    return encoder(sharp=3.0)


def cosine(model: DualEncoder, caption: str, image: Image.Image | None) -> float:
    pixels = torch.zeros(1, 3, 16, 16) if image is None else torch.from_numpy(model.preprocess(image)).unsqueeze(0)
    with torch.no_grad():
        return float(model.encode_text(model.tokenize([caption]))[0] @ model.encode_image(pixels.double())[0])


@pytest.mark.parametrize("preset", ["fast", "words", "pixels"])
def test_the_score_is_the_models_own(model: DualEncoder, preset: Any) -> None:
    found = explain(model, picture(), CAPTION, preset=preset)
    assert found.score == pytest.approx(cosine(model, CAPTION, picture()), abs=1e-12)
    assert found.blank_image_score == pytest.approx(cosine(model, CAPTION, None), abs=1e-12)
    assert abs(found.gap) <= 5 * TOLERANCE
    assert found.total == pytest.approx(found.score + found.gap, abs=1e-12)
    assert max(found.quality.residual_text, found.quality.residual_image) <= TOLERANCE
    assert found.values.shape == (len(found.tokens), 2, 2)
    assert found.words == tuple(CAPTION.split())
    assert found.logit_scale == pytest.approx(float(model.scale.detach()), rel=1e-6)
    assert (found.config["text_layer"], found.config["image_layer"]) == {
        "fast": (1, 2),
        "words": (0, 1),
        "pixels": (0, 0),
    }[preset]


@pytest.mark.parametrize("kind", ["cosine", "dot", "fixed"])
def test_units(model: DualEncoder, kind: Any) -> None:
    found = explain(model, picture(), CAPTION, score=kind)
    whole = cosine(model, CAPTION, picture())
    if kind == "dot":
        assert found.score != pytest.approx(whole, abs=1e-3)
    else:
        assert found.score == pytest.approx(whole, abs=1e-12)
    assert (found.blank_image_score == pytest.approx(cosine(model, CAPTION, None), abs=1e-9)) == (kind == "cosine")
    assert abs(found.gap) <= 5 * TOLERANCE * max(1, abs(found.score))


def test_a_caption_for_reference_shares_its_words(model: DualEncoder) -> None:
    found = explain(model, picture(), CAPTION, reference_caption=SWAPPED)
    same = [a == b for a, b in zip(CAPTION.split(), SWAPPED.split(), strict=True)]
    for n, is_same in enumerate(same):
        assert found.heat((n, n + 1)).any() != is_same
    assert found.blank_text_score == pytest.approx(cosine(model, SWAPPED, picture()), abs=1e-12)
    with pytest.raises(HairsplitError, match="tokens"):
        explain(model, picture(), CAPTION, reference_caption="a dog")


@pytest.mark.parametrize("reference", ["mean", "black", "blur"])
def test_image_references(model: DualEncoder, reference: Any) -> None:
    found = explain(model, picture(), CAPTION, image_reference=reference)
    black = Image.new("RGB", (40, 24))
    expected = {"mean": cosine(model, CAPTION, None), "black": cosine(model, CAPTION, black)}
    if reference in expected:
        assert found.blank_image_score == pytest.approx(expected[reference], abs=1e-9)
    else:
        assert all(abs(found.blank_image_score - other) > 1e-6 for other in expected.values())
    assert abs(found.gap) <= 5 * TOLERANCE


def test_another_picture_for_reference(model: DualEncoder) -> None:
    found = explain(model, picture(), CAPTION, reference_image=picture(7))
    assert found.blank_image_score == pytest.approx(cosine(model, CAPTION, picture(7)), abs=1e-12)
    nothing = explain(model, picture(), CAPTION, preset="pixels", reference_image=picture())
    assert not nothing.values.any()
    assert not nothing.image_main.any()
    assert nothing.gap == pytest.approx(0, abs=5 * TOLERANCE)


def test_zeros_keep_positions_alone(model: DualEncoder) -> None:
    zeros, pad = (explain(model, picture(), CAPTION, text_reference=kind) for kind in ("zeros", "pad"))
    assert zeros.score == pytest.approx(pad.score, abs=1e-12)
    assert zeros.blank_text_score != pytest.approx(pad.blank_text_score, abs=1e-6)
    assert abs(zeros.gap) <= 5 * TOLERANCE
    table = model.model.text_model.embeddings.token_embedding.weight
    with torch.no_grad():
        kept = table[0].clone()
        table[0] = 0
        same = explain(model, picture(), CAPTION, text_reference="pad")
        table[0] = kept
    np.testing.assert_allclose(zeros.values, same.values, rtol=0, atol=1e-12)


def test_a_contrast_is_of_the_changed_words_alone(model: DualEncoder) -> None:
    found = contrast(model, picture(), CAPTION, SWAPPED)
    assert found.direct is not None
    changed = np.array([False, *(a != b for a, b in zip(CAPTION.split(), SWAPPED.split(), strict=True)), False])
    words = np.array([False if t.word is None else changed[t.word + 1] for t in found.direct.tokens])
    assert not found.direct.values[~words].any()
    assert not found.direct.class_values[~words].any()
    assert not found.direct.text_main[~words].any()
    assert (found.changed <= words).all()
    assert found.changed.any()
    expected = cosine(model, CAPTION, picture()) - cosine(model, SWAPPED, picture())
    blank = cosine(model, CAPTION, None) - cosine(model, SWAPPED, None)
    assert found.margin == pytest.approx(expected, abs=1e-12)
    assert found.blank_margin == pytest.approx(blank, abs=1e-12)
    assert float(found.direct.text_main.sum()) == pytest.approx(blank, abs=5 * TOLERANCE)
    assert found.direct.total == pytest.approx(expected, abs=5 * TOLERANCE)
    assert abs(found.gap) <= 5 * TOLERANCE
    assert (found.direct.base, found.direct.class_main, found.reference_shift) == (0, 0, 0)


def test_a_contrast_turned_round_changes_sign(model: DualEncoder) -> None:
    one, other = (
        contrast(model, picture(), *pair, tolerance=1e-6) for pair in ((CAPTION, SWAPPED), (SWAPPED, CAPTION))
    )
    assert one.direct is not None
    assert other.direct is not None
    np.testing.assert_allclose(one.direct.values, -other.direct.values, rtol=0, atol=1e-5)
    assert one.margin == -other.margin


@pytest.mark.parametrize("negative", ["a red dog", "a red dog on two big cars"])
def test_captions_of_unequal_length_are_contrasted_indirectly(model: DualEncoder, negative: str) -> None:
    found = contrast(model, picture(), CAPTION, negative)
    assert found.direct is None
    assert found.positive_side is not None
    assert found.negative_side is not None
    assert found.margin == pytest.approx(
        cosine(model, CAPTION, picture()) - cosine(model, negative, picture()), abs=1e-12
    )
    assert found.blank_margin == pytest.approx(cosine(model, CAPTION, None) - cosine(model, negative, None), abs=1e-12)
    sums = [
        s.text_main.sum() + s.values.sum() + s.class_values.sum() for s in (found.positive_side, found.negative_side)
    ]
    assert found.reference_shift + sums[0] - sums[1] == pytest.approx(found.margin + found.gap, abs=1e-12)
    assert abs(found.gap) <= 10 * TOLERANCE
    assert found.changed.size == 0


def test_direct_and_indirect_agree_on_the_margin(model: DualEncoder) -> None:
    made = Explainer(clip_subject(model))
    side = made.image_side(picture())
    one, other = (contrast_captions(made, side, CAPTION, SWAPPED, indirect=way) for way in (False, True))
    assert other.direct is None
    assert one.margin == pytest.approx(other.margin, abs=1e-12)
    assert other.reference_shift == pytest.approx(0, abs=1e-9)  # of equal length, the blanks are the same


@pytest.mark.parametrize("preset", ["fast", "words", "pixels"])
@pytest.mark.parametrize("keep", [False, True])
def test_a_span_alone_is_the_sum_of_its_tokens(model: DualEncoder, preset: Any, keep: bool) -> None:
    made = Explainer(clip_subject(model), replace(_config(preset), tolerance=1e-6))
    side = made.image_side(picture(), keep_factors=keep)
    whole = explain_caption(made, side, CAPTION)
    span = explain_span(made, side, CAPTION, "red dog")
    np.testing.assert_allclose(span.values, whole.heat("red dog"), rtol=0, atol=1e-5)
    inside = whole.word_tokens("red dog")
    assert span.class_value == pytest.approx(whole.class_values[inside].sum(), abs=1e-5)
    assert span.main == pytest.approx(whole.text_main[inside].sum(), abs=1e-5)
    assert abs(span.gap) < 1e-5
    assert span.quality.residual_text <= 1e-6


@pytest.mark.parametrize("preset", ["fast", "words", "pixels"])
def test_a_box_alone_is_the_sum_of_its_patches(model: DualEncoder, preset: Any) -> None:
    made = Explainer(clip_subject(model), replace(_config(preset), tolerance=1e-6))
    side = made.image_side(picture())
    box = (5.0, 3.0, 22.0, 24.0)
    whole = explain_caption(made, side, CAPTION)
    bars = explain_box(made, side, CAPTION, box)
    shares = whole.view.shares(box)
    assert 0 < shares.sum() < 4
    np.testing.assert_allclose(bars.values, (whole.values * shares).sum((1, 2)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(whole.by_word(bars.values), whole.bars(box), rtol=0, atol=1e-5)
    assert bars.main == pytest.approx((whole.image_main * shares).sum(), abs=1e-5)
    assert abs(bars.gap) < 1e-5


def _config(preset: str) -> ExplainConfig:
    return {
        "fast": ExplainConfig(text_layer=-1, image_layer=-1),
        "words": ExplainConfig(),
        "pixels": ExplainConfig(image_layer=0),
    }[preset]


@pytest.mark.parametrize("caption", ["dog", "!", "dog " * 13, "dog " * 14, "dog " * 90])
def test_captions_of_any_length(caption: str) -> None:
    made = encoder(replace(SHAPE, context_length=16))
    found = explain(made, picture(), caption, tolerance=1e-2)
    assert all(np.isfinite(part).all() for part in (found.values, found.text_main, found.image_main))
    assert abs(found.gap) <= 5e-2
    assert len(found.tokens) <= 16
    assert found.score == pytest.approx(cosine(made, caption, picture()), abs=1e-12)
    assert any("too long" in note for note in found.notes) == (len(caption) > 56)


@pytest.mark.parametrize("preset", ["fast", "words"])
def test_captions_together_are_each_by_itself(model: DualEncoder, preset: Any) -> None:
    captions = [CAPTION, "a dog", SWAPPED, CAPTION, "two dogs"]
    made = explainer_of(model, preset, tolerance=1e-6)
    side = made.image_side(picture())
    together = explain_captions(made, side, captions)
    for caption, found in zip(captions, together, strict=True):
        alone = explain_caption(made, side, caption)
        assert (found.caption, found.tokens) == (alone.caption, alone.tokens)
        assert found.score == pytest.approx(alone.score, abs=1e-12)
        for part in ("values", "class_values", "text_main", "image_main"):
            np.testing.assert_allclose(getattr(found, part), getattr(alone, part), rtol=0, atol=1e-5, err_msg=part)
    np.testing.assert_array_equal(together[0].image_main, together[2].image_main)  # of equal length: one blank
    assert explain_captions(made, side, []) == []


def test_an_image_tower_of_one_block_is_entered_there(model: DualEncoder) -> None:
    small = encoder(replace(SHAPE, vision_layers=1))
    assert explain(small, picture(), CAPTION).config["image_layer"] == 0
    with pytest.raises(HairsplitError, match=r"image layer -2 does not exist: .*1 block"):
        Explainer(clip_subject(small), ExplainConfig()).image_side(picture())
    with pytest.raises(HairsplitError, match="image layer -2 does not exist"):
        explain(small, picture(), CAPTION, image_layer=-2)


def test_one_patch_and_a_narrow_picture() -> None:
    made = encoder(replace(SHAPE, patch=16))
    found = explain(made, picture(size=(90, 17)), CAPTION, preset="pixels")
    assert found.values.shape[1:] == (1, 1)
    assert abs(found.gap) <= 5 * TOLERANCE


def test_factors_are_kept_on_demand(model: DualEncoder) -> None:
    made = Explainer(clip_subject(model), ExplainConfig(image_layer=-1))
    side = made.image_side(picture())
    found = explain_caption(made, side, CAPTION, keep_factors=True)
    assert found.text_factors is not None
    assert found.image_factors is not None
    matrix = found.text_factors @ found.image_factors.T
    np.testing.assert_allclose(matrix[:, 1:].reshape(found.values.shape), found.values, rtol=0, atol=1e-12)
    assert explain_caption(made, side, CAPTION).text_factors is None


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "preset": ({"preset": "quick"}, "no preset"),
    "setting": ({"layers": 3}, "no setting"),
    "score": ({"score": "angle"}, "score='angle'"),
    "text layer": ({"text_layer": 2}, "text layer 2 does not exist"),
    "image layer": ({"image_layer": -4}, "image layer -4 does not exist"),
    "tolerance": ({"tolerance": 0.0}, "tolerance"),
    "nodes": ({"nodes": 0, "rule": "gauss"}, "nodes=0"),
    "rule": ({"rule": "simpson"}, "rule='simpson'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_named(model: DualEncoder, name: str) -> None:
    settings, message = MISTAKES[name]
    with pytest.raises(HairsplitError, match=message) as error:
        explain(model, picture(), CAPTION, **settings)
    assert error.value.hint


def test_mistakes_in_captions_and_pictures(model: DualEncoder, tmp_path: Path) -> None:
    for caption in ("", "  "):
        with pytest.raises(HairsplitError, match="empty"):
            explain(model, picture(), caption)
    with pytest.raises(HairsplitError, match="the same"):
        contrast(model, picture(), CAPTION, CAPTION.upper())
    with pytest.raises(HairsplitError, match="unit"):
        contrast(model, picture(), CAPTION, SWAPPED, score="fixed")
    with pytest.raises(HairsplitError, match="no such picture"):
        explain(model, tmp_path / "none.png", CAPTION)
    made = Explainer(clip_subject(model))
    side = made.image_side(picture())
    with pytest.raises(HairsplitError, match="not in the caption"):
        explain_span(made, side, CAPTION, "horse")
    with pytest.raises(HairsplitError, match="covers no patch"):
        explain_box(made, side, CAPTION, (0.0, 0.0, 3.0, 3.0))  # the crop begins at x = 8
    with pytest.raises(HairsplitError, match="bfloat16"):
        explain(encoder().bfloat16(), picture(), CAPTION)


def test_a_model_by_name_and_a_picture_by_path(model: DualEncoder, tmp_path: Path) -> None:
    save(encoder(sharp=3.0).float(), tmp_path / "model")
    picture().save(tmp_path / "p.png")
    found = explain(tmp_path / "model", tmp_path / "p.png", CAPTION)
    exactly = explain(model, picture(), CAPTION)
    assert isinstance(found, Attribution)
    np.testing.assert_allclose(found.values, exactly.values, rtol=0, atol=1e-3)
    assert found.values.dtype == np.float32
    assert found.origin["picture_hash"]
    assert isinstance(contrast(str(tmp_path / "model"), str(tmp_path / "p.png"), CAPTION, SWAPPED), Contrast)


def test_an_embedding_without_direction_is_refused() -> None:
    made = encoder()
    with torch.no_grad():
        made.model.visual_projection.weight.zero_()
    with pytest.raises(HairsplitError, match="no direction"):
        explain(made, picture(), CAPTION)
    found = explain(made, picture(), CAPTION, score="dot")
    assert (found.score, float(np.abs(found.values).sum())) == (0, 0)
    with torch.no_grad():
        made.model.visual_projection.weight.fill_(float("nan"))
    with pytest.raises(HairsplitError, match="not finite"):
        explain(made, picture(), CAPTION)
