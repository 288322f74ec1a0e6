"""Scores with everything, with nothing, and with one patch or word blanked are those of such pictures and captions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.explain import ExplainConfig, Explainer, clip_subject, explain_caption
from hairsplit.explain.config import ImageReference
from hairsplit.explain.removal import patch_score, word_score
from tests.explain.small import SHAPE, encoder

CAPTION = "a red dog on a car"
MODEL = encoder(sharp=3.0)
MADE = Explainer(clip_subject(MODEL), ExplainConfig(text_layer=-1))
SEEN = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8))


def score(caption: str, shown: Image.Image = SEEN) -> float:
    return explain_caption(MADE, MADE.image_side(shown), caption).score


@pytest.mark.parametrize("fill", ["mean", "black", "blur"])
def test_all_patches_are_the_picture_and_none_the_blank(fill: ImageReference) -> None:
    made = Explainer(MADE.subject, replace(MADE.config, image_reference=fill))
    whole = explain_caption(made, made.image_side(SEEN), CAPTION)
    found = patch_score(made, SEEN, CAPTION, fill=fill)(np.array([[True] * 4, [False] * 4]))
    np.testing.assert_allclose(found, [whole.score, whole.blank_image_score], rtol=0, atol=1e-6)


def test_a_patch_that_is_missing_is_painted_over() -> None:
    painted = np.asarray(SEEN).copy()
    painted[:8, 8:] = 0  # the second patch of the first row
    found = patch_score(MADE, SEEN, CAPTION, fill="black")(np.array([[True, False, True, True]]))
    assert found[0] == pytest.approx(score(CAPTION, Image.fromarray(painted)), abs=1e-6)


def test_many_masks_are_scored_as_each_alone() -> None:
    kept = np.random.default_rng(1).random((70, 4)) < 0.5  # more than a batch
    scored = patch_score(MADE, SEEN, CAPTION)
    np.testing.assert_allclose(scored(kept), np.concatenate([scored(one[None]) for one in kept]), rtol=0, atol=1e-12)


def test_without_a_span_the_rest_of_the_caption_is_subtracted() -> None:
    found = patch_score(MADE, SEEN, CAPTION, without="red dog")(np.ones((1, 4), bool))
    assert found[0] == pytest.approx(score(CAPTION) - score("a  on a car"), abs=1e-6)
    with pytest.raises(HairsplitError, match="empty"):
        patch_score(MADE, SEEN, "dog", without="dog")


def test_words_that_are_missing_are_padding() -> None:
    whole = explain_caption(MADE, MADE.image_side(SEEN), CAPTION)
    scored = word_score(MADE, SEEN, CAPTION)
    found = scored(np.array([[True] * 6, [False] * 6]))
    np.testing.assert_allclose(found, [whole.score, whole.blank_text_score], rtol=0, atol=1e-6)
    one = scored(np.array([[True, False, True, True, True, True]]))
    ids = MODEL.tokenize([CAPTION])
    assert ids.shape == (1, 8)  # one token a word
    ids[0, 2] = 0
    image = MODEL.encode_image(torch.from_numpy(MODEL.preprocess(SEEN)).double().unsqueeze(0))
    expected = (image[0] @ MODEL.encode_text(ids)[0]).item()
    assert one[0] == pytest.approx(expected, abs=1e-6)


def test_the_model_is_small() -> None:
    assert (SHAPE.image_size, SHAPE.patch) == (16, 8)  # four patches, as the masks above have it
