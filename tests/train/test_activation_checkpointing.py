"""Blocks that are computed again give the same gradients, and are computed again only where something learns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.encoders.trainable import MODES, TrainableMode
from hairsplit.losses.objectives import parse_objective
from hairsplit.train.activation_checkpointing import checkpoint_activations
from hairsplit.train.step import Towers
from tests.train import ranks
from tests.train.small import Material, config, rows, state, trainer
from tests.train.test_two_pass import assert_same, dropping
from tests.train.two_passes import Case, Taken, on_ranks, steps

LAYERS = 3


@pytest.fixture(autouse=True)
def deeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last block is computed for one position, by parts: there must be others."""
    monkeypatch.setattr(ranks, "SHAPE", replace(ranks.SHAPE, vision_layers=LAYERS, text_layers=LAYERS))


def computed(encoder: DualEncoder) -> dict[str, list[int]]:
    """Filled with the numbers of the blocks whose MLP is computed, in order."""
    seen: dict[str, list[int]] = {"image": [], "text": []}
    for name, blocks in (("image", encoder.vision_blocks), ("text", encoder.text_blocks)):
        for number, block in enumerate(blocks):

            def note(*_: Any, name: str = name, number: int = number) -> None:
                seen[name].append(number)

            block.get_submodule("mlp.fc1").register_forward_pre_hook(note)
    return seen


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "lora"])
@pytest.mark.parametrize("chunk", [None, 4])
def test_value_and_gradient_are_the_same(mode: TrainableMode, chunk: int | None) -> None:
    case = Case(parse_objective("hnc_kl"), mode=mode).settled(chunk=chunk)
    assert_same(steps(case, change=checkpoint_activations), steps(case), rtol=1e-11)


@pytest.mark.parametrize(
    ("mode", "image", "text"),
    [
        ("full_encoder", [0, 1, 2, 1, 0], [0, 1, 2, 1, 0]),
        ("text_encoder", [0, 1, 2], [0, 1, 2, 1, 0]),
        ("last_encoder", [0, 1, 2], [0, 1, 2]),
    ],
)
def test_blocks_with_a_graph_are_computed_twice_but_for_the_last(
    mode: TrainableMode, image: list[int], text: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hairsplit.train.step.OVERHEAD", 999)  # all captions in one run
    made = ranks.encoder(mode)
    checkpoint_activations(made)
    made.train()
    seen = computed(made)
    z = Towers(made)(ranks.batch(made, slice(0, 6), 2))
    torch.autograd.backward(z.image.sin().sum() * z.scale + z.positive.sin().sum() + z.negative.sin().sum())
    assert seen == {"image": image, "text": text}


def test_without_a_graph_nothing_is_computed_twice() -> None:
    made = ranks.encoder("full_encoder")
    checkpoint_activations(made)
    made.train()
    seen = computed(made)
    with torch.no_grad():
        Towers(made)(ranks.batch(made, slice(0, 6), 2))
    assert seen["image"] == [0, 1, 2]


def test_dropout_drops_the_same_units_again() -> None:
    def both(encoder: DualEncoder) -> None:
        dropping(encoder)
        checkpoint_activations(encoder)

    case = Case(parse_objective("hnc_l2"), micro=1)
    expected = steps(case, change=dropping)
    assert_same(steps(case, change=both), expected, rtol=1e-11)
    plain = steps(case)
    assert plain.norms != pytest.approx(expected.norms, rel=1e-3)


@pytest.mark.parametrize("mode", ["full_encoder", "lora"])
def test_a_training_with_it_is_the_training_without_and_saves_the_same(
    material: Material, tmp_path: Path, mode: str
) -> None:
    computed_by: dict[bool, int] = {}
    for on in (False, True):
        encoder = load(material.model)
        seen = computed(encoder)
        settings = config(material, trainable=mode, activation_checkpointing=on, log_gradient_norms=True)
        trainer(settings, encoder, tmp_path / f"{on}").fit(resume=False)
        computed_by[on] = len(seen["image"])
    assert computed_by[True] > computed_by[False]
    for mine, theirs in zip(rows(tmp_path / "True"), rows(tmp_path / "False"), strict=True):
        assert mine.pop("kind") == theirs.pop("kind")
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    names = [list(state(tmp_path / f"{on}")["model"]) for on in (False, True)]
    assert names[0] == names[1]
    files = [(tmp_path / f"{on}" / "checkpoints" / "last" / "config.json").read_text() for on in (False, True)]
    assert files[0] == files[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ddp", "fsdp2"])
def test_two_ranks_are_one_process_without_it(tmp_path: Path, name: str) -> None:
    case = Case(parse_objective("hnc_kl"))
    chosen = [case.settled(engine=name, activation_checkpointing=True)]
    assert ranks.launch(on_ranks, chosen, tmp_path, ranks.SHAPE) == [0, 0]
    expected = steps(case)
    for rank in range(ranks.RANKS):
        found = Taken(**torch.load(tmp_path / f"0-{rank}.pt", weights_only=True))
        assert found.norms == pytest.approx(expected.norms, rel=1e-9)
        for key, value in expected.weights.items():
            torch.testing.assert_close(found.weights[key].reshape(value.shape), value, rtol=1e-9, atol=1e-12)
