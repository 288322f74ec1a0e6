"""Lines from a caption to another one, and a picture's side shared by many captions."""

import numpy as np
import pytest
import torch
from PIL import Image

from hairsplit.explain import contrast_captions, explainer_of
from hairsplit.explain.towers import undisturbed
from tests.explain.small import encoder

PICTURE = Image.fromarray(np.random.default_rng(5).integers(0, 255, (16, 16, 3), dtype=np.uint8))
TEXTS = ("a big red dog is a cat", "a big red cat is a dog")


@pytest.mark.parametrize("layer", [0, 1])
def test_words_before_the_first_other_one_add_exactly_nothing_at_any_layer(layer: int) -> None:
    """In single precision, too, where rounding must not tell two equal beginnings apart."""
    explainer = explainer_of(encoder().float(), text_layer=layer)
    found = contrast_captions(explainer, explainer.image_side(PICTURE), *TEXTS).direct
    assert found is not None
    assert not found.values[:4].any()
    assert not found.text_main[:4].any()
    assert found.values[4].any()


def test_a_line_between_captions_ends_in_their_own_embeddings() -> None:
    explainer = explainer_of(encoder(), score="dot")
    words, other = (explainer.subject.words(text) for text in TEXTS)
    tower, device = explainer.subject.text, explainer.subject.device
    with undisturbed(explainer.subject.module):
        line = explainer.text_line(words, other)
        for end, hidden, one in zip(line.ends, (line.start, line.stop), (other, words), strict=True):
            embedded = tower.embed(one.ids(device))
            torch.testing.assert_close(end, tower.tail(embedded, 0, one.at)[0], rtol=0, atol=1e-12)
            assert torch.equal(hidden, embedded[0])


def test_a_side_is_shared_unless_its_factors_are_known() -> None:
    explainer = explainer_of(encoder())
    side = explainer.image_side(PICTURE)
    assert side.line.held is None
    assert side.shared().line.held is not None
    whole = explainer.image_side(PICTURE, keep_factors=True)
    assert whole.shared() is whole
