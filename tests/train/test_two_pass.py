"""A batch in chunks, twice, has the loss and gradient of the batch in one pass."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.encoders.trainable import MODES
from hairsplit.losses import _chunked
from hairsplit.losses.objectives import OBJECTIVES, AnySpec, parse_objective
from hairsplit.train.step import Towers, frozen_fields
from hairsplit.train.two_pass import Chunk, first_pass, gradients, second_pass
from hairsplit.train.update import begin_learned
from tests.train import ranks
from tests.train.small import Material, config, cut_short, rows, same, state, trainer
from tests.train.two_passes import Case, Taken, steps

SUM = {"name": "sum", "terms": [{"loss": "contrastive", "weight": 0.5}, {"loss": "preference"}], "l2": 0.01}
CPU = torch.device("cpu")


def spec(name: str, **settings: Any) -> AnySpec:
    return parse_objective((SUM if name == "sum" else {"name": name}) | settings)


def assert_same(found: Taken, expected: Taken, rtol: float = 1e-10, atol: float = 1e-13) -> None:
    """Loss, parts, norms, gradients and weights; a gradient of zero may be none at all."""
    for parts, wanted in zip(found.losses, expected.losses, strict=True):
        assert parts == pytest.approx(wanted, rel=rtol, abs=atol, nan_ok=True)
    assert found.norms == pytest.approx(expected.norms, rel=rtol)
    for one, two in zip(found.gradients, expected.gradients, strict=True):
        for name in one.keys() | two.keys():
            mine, theirs = (side.get(name, torch.zeros_like(found.weights[name])) for side in (one, two))
            torch.testing.assert_close(mine, theirs, rtol=rtol, atol=atol, msg=name)
        assert any(gradient.any() for gradient in two.values())
    torch.testing.assert_close(found.weights, expected.weights, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("chunk", [1, 4])
def test_each_objective_over_accumulated_micro_batches(name: str, chunk: int) -> None:
    case = Case(spec(name))
    assert_same(steps(case.settled(chunk=chunk)), steps(case))


@pytest.mark.parametrize("mode", ["full_encoder", "text_encoder", "last_encoder", "projections"])
def test_patches_and_tokens_of_some_rows_at_a_time(mode: Any) -> None:
    """A tower in which nothing learns runs in both passes: its patches and tokens are not kept."""
    case = Case(spec("fsc_clip", local_weight=0.7), mode=mode)
    expected = steps(case)
    assert all("fsc_clip.local" in parts for parts in expected.losses)
    assert_same(steps(case.settled(chunk=2, log_gradient_norms=True)), expected)


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "lora"])
def test_each_choice_of_what_learns(mode: Any) -> None:
    case = Case(spec("hnc_kl", mask_false_negatives=True), mode=mode, micro=1)
    assert_same(steps(case.settled(chunk=2)), steps(case))


def test_logits_in_chunks_go_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case(spec("hnc_kl", lam=0.5))
    expected = steps(case)
    monkeypatch.setattr(_chunked, "PLAIN_ELEMENTS", 0)
    monkeypatch.setattr(_chunked, "CHUNK_ELEMENTS", 7)
    assert_same(steps(case.settled(chunk=2)), expected)


def test_bf16_autocast_differs_by_its_own_rounding_only() -> None:
    case = Case(spec("hnc_l2"), micro=1).settled(precision="bf16")
    one, two = steps(case, change=_float32, number=1), steps(case.settled(chunk=6), change=_float32, number=1)
    assert same(one.gradients, two.gradients)  # as many rows as there are: one pass
    chunked = steps(case.settled(chunk=2), change=_float32, number=1)
    exact = steps(Case(spec("hnc_l2"), micro=1), number=1)
    of_rounding, of_chunks = (_distance(one, exact), _distance(chunked, one))
    assert 0 < of_chunks < of_rounding


def _float32(encoder: DualEncoder) -> None:
    encoder.float()


def _distance(one: Taken, two: Taken) -> float:
    parts = [(one.gradients[0][name].double() - other).square().sum() for name, other in two.gradients[0].items()]
    return math.sqrt(float(torch.stack(parts).sum()))


def dropping(encoder: DualEncoder) -> None:
    """Attention with dropout in both towers."""
    for block in (*encoder.text_blocks, *encoder.vision_blocks):
        setattr(block.get_submodule("self_attn"), "dropout", 0.5)  # noqa: B010
    encoder.train()


def test_dropout_drops_the_same_in_both_passes_and_goes_on_from_the_first() -> None:
    """Oracle: the chunks embedded once with a graph, one loss over them, one backward pass."""
    encoder, plain = ranks.encoder("full_encoder"), ranks.encoder("full_encoder")
    given = ranks.batch(encoder, slice(0, 6), 2)
    for made in (encoder, plain):
        dropping(made)
    towers, other = Towers(encoder), Towers(plain)
    torch.manual_seed(0)
    parts = [other(given.part(start, start + 2)) for start in (0, 2, 4)]
    after = torch.get_rng_state()
    expected = torch.stack([_score(one.image, one.positive, one.negative, one.scale / 3) for one in parts]).sum()
    torch.autograd.backward(expected)
    torch.manual_seed(0)
    first = first_pass(given, 2, lambda part: (towers(part), None), CPU)
    assert torch.equal(torch.get_rng_state(), after)
    z = first.z
    thirds = (slice(start, start + 2) for start in (0, 2, 4))
    loss = torch.stack([_score(z.image[s], z.positive[s], z.negative[s], z.scale / 3) for s in thirds]).sum()
    torch.testing.assert_close(loss, expected)
    whole = gradients(z, loss)
    for chunk in second_pass(first, given, 2, CPU):
        again = towers(chunk.batch, chunk.known)
        assert torch.equal(again.image, chunk.known.image)
        torch.autograd.backward(chunk.loss(chunk.outputs(again), whole))
        torch.rand(1)  # whatever is drawn in between
    assert torch.equal(torch.get_rng_state(), after)
    for mine, theirs in zip(encoder.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-10, atol=1e-13)


def _score(image: Tensor, positive: Tensor, negative: Tensor, scale: Tensor) -> Tensor:
    return scale * (image.sin().sum() + (2 * positive).sin().sum() + (3 * negative).cos().sum())


def passes(encoder: DualEncoder) -> dict[str, int]:
    """Filled with the number of rows that go through each tower."""
    seen = {"image": 0, "text": 0}
    towers = (("image", encoder.model.vision_model.embeddings), ("text", encoder.model.text_model.embeddings))
    for name, module in towers:

        def count(_module: Any, _inputs: Any, output: Tensor, name: str = name) -> None:
            seen[name] += len(output)

        module.register_forward_hook(count)
    return seen


@pytest.mark.parametrize(
    ("mode", "image", "text"), [("full_encoder", 2, 2), ("text_encoder", 1, 2), ("vision_encoder", 2, 1)]
)
def test_a_tower_in_which_nothing_learns_runs_once(mode: Any, image: int, text: int) -> None:
    counts: list[dict[str, int]] = []
    case = Case(spec("hnc_l2"), mode=mode, micro=1)
    for one in (case, case.settled(chunk=3)):
        steps(one, change=lambda encoder: counts.append(passes(encoder)), number=1)
    assert counts[1]["image"] == image * counts[0]["image"]
    assert counts[1]["text"] == text * counts[0]["text"]  # no caption is in both halves


def test_one_chunk_is_on_the_device_and_has_a_graph_at_a_time() -> None:
    encoder = ranks.encoder("text_encoder")
    towers, given = Towers(encoder), ranks.batch(encoder, slice(0, 6), 2)
    seen: list[int] = []

    def embed(part: Any) -> Any:
        seen.append(len(part.pixels))
        return towers(part), None

    first = first_pass(given, 4, embed, CPU, frozen_fields(encoder))
    assert seen == [4, 2]
    leaves = {name for name, value in first.z.differentiable().items() if value.requires_grad}
    assert leaves == {"positive", "negative", "scale"}
    assert all(value.grad_fn is None for value in first.z.differentiable().values())
    chunks: list[Chunk] = list(second_pass(first, given, 4, CPU))
    assert [(one.rows.start, one.rows.stop, one.last) for one in chunks] == [(0, 4, False), (4, 6, True)]
    names = [set(one.outputs(towers(one.batch, one.known))) for one in chunks]
    assert names == [{"positive", "negative"}, {"positive", "negative", "scale"}]


def test_what_a_loss_does_not_depend_on_has_a_gradient_of_zero() -> None:
    encoder = ranks.encoder("full_encoder")
    begin_learned(encoder, spec("siglip_hn"))
    given = ranks.batch(encoder, slice(0, 6), 2)
    z = first_pass(given, 4, lambda part: (Towers(encoder)(part), None), CPU).z
    found = gradients(z, z.image.sum())
    assert found["image"].eq(1).all()
    assert found.keys() > {"positive", "negative", "scale"}
    assert len(found) > 4
    assert not any(value.any() for name, value in found.items() if name != "image")


def test_a_training_in_chunks_is_the_training_in_one_pass(material: Material, tmp_path: Path) -> None:
    settings = config(material, objective="hnc_kl", accumulation=2)
    trainer(settings, load(material.model), tmp_path / "one").fit(resume=False)
    trainer(replace(settings, chunk=3), load(material.model), tmp_path / "two").fit(resume=False)
    for mine, theirs in zip(rows(tmp_path / "two", "train"), rows(tmp_path / "one", "train"), strict=True):
        assert mine.pop("kind") == theirs.pop("kind")
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_a_training_in_chunks_with_dropout_resumes_to_the_same_bits(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(material, model=str(material.dropout_model), chunk=3, steps=4, save_every=2)
    trainer(settings, load(material.dropout_model), tmp_path / "whole").fit(resume=False)
    short = trainer(settings, load(material.dropout_model), tmp_path / "cut")
    cut_short(short, monkeypatch, at=3)  # behind the state of its second step
    assert state(tmp_path / "cut")["step"] == 2
    trainer(settings, load(material.dropout_model), tmp_path / "cut").fit(resume=True)
    assert same(state(tmp_path / "whole")["model"], state(tmp_path / "cut")["model"])
