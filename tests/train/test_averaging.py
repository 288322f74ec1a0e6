"""The average as written out in float64, what is validated and saved, and a resumed run that equals a whole one."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.encoders.trainable import set_trainable
from hairsplit.train.averaging import Average, decay_at
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Trainer
from tests.train.small import Material, config, rows, same, state, trainer


def walked(steps: int, ema: float) -> tuple[nn.Linear, Average, list[torch.Tensor]]:
    """A weight that moves at random, its average, and where it has been, its start first."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    average, path = Average(model, ema), [model.weight.detach().double().clone()]
    for _ in range(steps):
        model.weight.data.add_(torch.randn(2, 3))
        path.append(model.weight.detach().double().clone())
        average.update()
    return model, average, path


@pytest.mark.parametrize("ema", [0.05, 0.5, 0.999])
def test_the_average_is_the_recursion_written_out(ema: float) -> None:
    model, average, path = walked(30, ema)
    expected = path[0]
    for n, value in enumerate(path[1:]):
        decay = min(ema, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
    with average.in_place():
        torch.testing.assert_close(model.weight.detach().double(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(model.weight.detach().double(), path[-1])  # and back again, to the bit
    assert set(average.state()["values"]) == {"weight"}  # what does not learn is not kept twice


def test_the_decay_rises_to_what_was_asked_for() -> None:
    assert [decay_at(0.9, n) for n in (0, 1, 8, 80, 81, 1000)] == [0.1, 2 / 11, 0.5, 0.9, 0.9, 0.9]


def test_before_the_first_step_the_average_is_the_start() -> None:
    model, average, path = walked(0, 0.9)
    with average.in_place():
        assert torch.equal(model.weight.detach().double(), path[0])


def test_half_precision_is_averaged_in_float32() -> None:
    """In bfloat16 a share of a thousandth would be lost: 1 + 0.001 is 1."""
    model = nn.Linear(1, 1, bias=False).to(torch.bfloat16)
    model.weight.data.fill_(1)
    average = Average(model, 0.999)
    average.updates = 10**6
    model.weight.data.fill_(2)
    for _ in range(100):
        average.update()
    assert average.state()["values"]["weight"].item() == pytest.approx(2 - 0.999**100, rel=1e-5)


def test_an_error_inside_gives_the_weights_back() -> None:
    model, average, path = walked(3, 0.9)
    with pytest.raises(KeyError), average.in_place():
        raise KeyError
    assert torch.equal(model.weight.detach().double(), path[-1])


def test_a_state_goes_on_as_if_nothing_had_been_and_another_models_is_refused() -> None:
    model, average, _ = walked(5, 0.9)
    other = Average(model, 0.9)
    other.load(copy.deepcopy(average.state()))
    for _ in range(3):
        model.weight.data.mul_(1.5)
        average.update()
        other.update()
    assert same(average.state(), other.state())
    for wrong in (None, Average(nn.Linear(2, 2), 0.9).state()):
        with pytest.raises(HairsplitError, match="no average of these weights"):
            other.load(wrong)


def settings(material: Material, **changes: object) -> TrainConfig:
    return config(material, ema=0.8, validate_every=2, save_every=2, **changes)


def small(encoder: DualEncoder) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in encoder.model.state_dict().items()}


@pytest.mark.parametrize("mode", ["full_encoder", "lora"])
def test_the_average_is_what_is_validated_and_saved_and_the_weights_go_on(
    material: Material, tmp_path: Path, mode: str
) -> None:
    seen: list[str] = []

    def validate(encoder: DualEncoder) -> dict[str, float]:
        seen.append(encoder.parameters_hash())
        return {"macro_pair_accuracy": float(len(seen))}

    chosen, encoder = settings(material, trainable=mode), load(material.model)
    trainer(chosen, encoder, tmp_path / "averaged", validate).fit(resume=False)
    plain = load(material.model)
    trainer(replace(chosen, ema=None), plain, tmp_path / "plain").fit(resume=False)
    assert same(small(encoder), small(plain))  # training itself is not touched
    assert [row["loss"] for row in rows(tmp_path / "averaged", "train")] == [
        row["loss"] for row in rows(tmp_path / "plain", "train")
    ]
    assert seen[0] == load(material.model).parameters_hash()
    assert len(set(seen)) == 3
    for name in ("best", "last"):
        saved = load(tmp_path / "averaged" / "checkpoints" / name)
        assert saved.parameters_hash() == seen[-1] != encoder.parameters_hash()
    raw = state(tmp_path / "averaged")
    assert same(raw["model"], dict(encoder.state_dict()))
    assert raw["average"]["updates"] == 4
    assert state(tmp_path / "plain")["average"] is None


def test_the_saved_model_is_the_average_of_the_weights_after_each_step(material: Material, tmp_path: Path) -> None:
    """Oracle: runs of 1, 2, 3 and 4 steps give the weights after each, at a constant rate."""
    chosen = settings(material, schedule="constant", warmup_steps=0)
    expected = {name: value.double() for name, value in small(load(material.model)).items()}
    for n in range(4):
        encoder = load(material.model)
        trainer(replace(chosen, steps=n + 1, ema=None), encoder, tmp_path / str(n)).fit(resume=False)
        decay = min(0.8, (1 + n) / (10 + n))
        expected = {name: decay * expected[name] + (1 - decay) * v.double() for name, v in small(encoder).items()}
    trainer(chosen, load(material.model), tmp_path / "averaged").fit(resume=False)
    for name, value in load(tmp_path / "averaged" / "checkpoints" / "last").model.state_dict().items():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-7, msg=name)


class StopError(Exception):
    """In the place of a kill."""


@pytest.mark.parametrize("mode", ["text_encoder", "lora"])
def test_a_resumed_run_equals_a_whole_one_bit_for_bit(
    material: Material, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(material, trainable=mode, steps=6, layer_decay=0.8)
    trainer(chosen, load(material.model), tmp_path / "whole").fit(resume=False)
    update, calls = Average.update, 0

    def update_and_fall(average: Average) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:  # after the third step, which no checkpoint holds
            raise StopError
        update(average)

    monkeypatch.setattr(Average, "update", update_and_fall)
    with pytest.raises(StopError):
        trainer(chosen, load(material.model), tmp_path / "cut").fit(resume=False)
    monkeypatch.undo()
    assert state(tmp_path / "cut")["step"] == 2
    again: Trainer = trainer(chosen, load(material.model), tmp_path / "cut")
    again.fit(resume=True)
    one, two = state(tmp_path / "cut"), state(tmp_path / "whole")
    assert one.keys() == two.keys()
    looked_at = one.keys() - {"log_bytes", "python_rng"}  # beartype, of the tests, draws from Python's generator
    assert [key for key in looked_at if not same(one[key], two[key])] == []
    assert rows(tmp_path / "cut") == rows(tmp_path / "whole")
    files = [run / "checkpoints" / "last" / "model.safetensors" for run in (tmp_path / "cut", tmp_path / "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_only_what_learns_is_averaged(material: Material) -> None:
    encoder = load(material.model)
    set_trainable(encoder, "projections")
    assert set(Average(encoder, 0.9).state()["values"]) == {
        "model.text_projection.weight",
        "model.visual_projection.weight",
    }
