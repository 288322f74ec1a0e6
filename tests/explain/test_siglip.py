"""SigLIP by the mixed engine: no class token, padding that counts, a pooling head."""

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import SiglipConfig, SiglipModel

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.explain import ExplainConfig, Explainer, contrast, explain, explain_caption, siglip_subject
from hairsplit.explain.lines import Line
from hairsplit.explain.subject import Subject, Tokenize
from hairsplit.explain.towers import undisturbed
from tests.explain.oracle import factors
from tests.explain.test_attribute import picture

LENGTH, PAD = 7, 1
TOWER = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WORDS = {"red": 5, "dog": 6, "on": 7, "bed": 8}


def tokenize(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    places = [(text.index(word), text.index(word) + len(word)) for word in text.split()]
    return [*(WORDS[word] for word in text.split()), PAD], [*places, (0, 0)]


def model(attention: str = "sdpa") -> SiglipModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = SiglipModel(
            SiglipConfig(
                text_config=TOWER | {"vocab_size": 12, "max_position_embeddings": LENGTH, "projection_size": 16},
                vision_config=TOWER | {"image_size": 16, "patch_size": 8},
            ),
        )
        for p in made.parameters():
            torch.nn.init.normal_(p, std=0.3) if p.ndim > 1 else p.data.add_(0.1 * torch.randn_like(p))
    made.set_attn_implementation(attention)
    return made.double().eval()


def subject(made: SiglipModel, words: Tokenize = tokenize) -> Subject:
    preprocess = Preprocess(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return siglip_subject(made, words, preprocess, pad=PAD)


@pytest.mark.parametrize("layers", [(0, 0), (0, 1), (1, 1)])
def test_parts_add_up_to_the_models_own_cosine(layers: tuple[int, int]) -> None:
    made = model()
    one = subject(made)
    found = explain(one, picture(), "red dog on bed", text_layer=layers[0], image_layer=layers[1])
    ids = torch.tensor([[5, 6, 7, 8, PAD, PAD, PAD]])
    with torch.no_grad():
        pixels = torch.from_numpy(one.preprocess(picture())).double().unsqueeze(0)
        out = made(input_ids=ids, pixel_values=pixels)
        expected = torch.cosine_similarity(out.text_embeds, out.image_embeds)
    assert found.score == pytest.approx(float(expected), abs=1e-9)
    assert abs(found.gap) <= 5e-3
    assert found.values.shape == (LENGTH, 2, 2)
    assert not found.class_values.any()
    assert found.words == ("red", "dog", "on", "bed")
    if layers[0] == 0:
        assert not found.values[4:].any()  # what is padding in both
    assert found.logit_scale == pytest.approx(float(made.logit_scale.detach().exp()), rel=1e-6)


def test_both_sides_are_the_integrated_jacobians() -> None:
    made = Explainer(subject(model()), ExplainConfig(image_layer=0, rule="midpoint", nodes=2))
    side = made.image_side(picture(), keep_factors=True)
    assert side.factors is not None
    nodes, weights = torch.tensor([0.25, 0.75]), torch.tensor([0.5, 0.5])
    with undisturbed(made.subject.module):
        text = made.text_line(made.subject.words("red dog"))

    def by_jacobians(line: Line) -> Tensor:
        return factors(lambda x: line.embed(x.unsqueeze(0))[0], line.start, line.stop, nodes, weights)

    torch.testing.assert_close(side.factors.parts, by_jacobians(side.line), rtol=0, atol=1e-12)
    found = explain_caption(made, side, "red dog", keep_factors=True)
    assert found.text_factors is not None
    np.testing.assert_allclose(found.text_factors, by_jacobians(text).numpy(), rtol=0, atol=1e-12)


def test_its_contrasts_are_always_direct() -> None:
    found = contrast(subject(model()), picture(), "red dog on bed", "red bed")
    assert found.direct is not None
    assert abs(found.gap) <= 5e-3


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(HairsplitError, match="no closed form"):
        explain(subject(model()), picture(), "red dog", engine="closed_form")
    with pytest.raises(HairsplitError, match="no SiglipModel"):
        siglip_subject(torch.nn.Linear(1, 1), tokenize, Preprocess(16), pad=PAD)
    with pytest.raises(HairsplitError, match="24 px"):
        siglip_subject(model(), tokenize, Preprocess(24), pad=PAD)
