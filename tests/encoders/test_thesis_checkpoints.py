"""Checkpoints of the HNC thesis, {epoch, state_dict, optimizer, finetune_mode}: read, and without running anything."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import load
from hairsplit.encoders.weights import to_openai
from tests.encoders.openai_reference import SMALL, random_state


def checkpoint(file: Path, *, prefix: str = "", half: bool = False, **more: Any) -> dict[str, torch.Tensor]:
    """Write one as the thesis does, with the state of a real AdamW; returns the weights in it, without the prefix."""
    state = {name: value.half() if half else value for name, value in random_state(SMALL).items()}
    weight = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.AdamW([weight], lr=5e-6, betas=(0.9, 0.98), eps=1e-6)
    weight.grad = torch.ones(3, 2)
    optimizer.step()
    tree = {
        "epoch": 3,
        "state_dict": {prefix + name: value for name, value in state.items()},
        "optimizer": optimizer.state_dict(),
        "finetune_mode": "full_encoder",
    }
    torch.save(tree | more, file)
    return state


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.model.", "model.module."])
def test_the_weights_are_read_whatever_wraps_them(prefix: str, half: bool, tmp_path: Path) -> None:
    state = checkpoint(tmp_path / "best.pt", prefix=prefix, half=half)
    encoder = load(tmp_path / "best.pt")
    assert encoder.model.config.text_config.hidden_act == "quick_gelu"
    read = to_openai(encoder.model)
    assert read.keys() == state.keys()
    assert all(torch.equal(read[name], value.float()) for name, value in state.items())


def test_a_plain_state_dict_still_does_not_tell_its_activation(tmp_path: Path) -> None:
    torch.save({"state_dict": random_state(SMALL), "epoch": 3}, tmp_path / "other.pt")
    with pytest.raises(HairsplitError, match="does not tell the activation"):
        load(tmp_path / "other.pt")


class Surprise:
    """What no weights file needs to hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("surprise"),))


def test_a_pickled_object_beside_the_weights_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint(tmp_path / "bad.pt", optimizer=Surprise())
    with pytest.raises(HairsplitError, match="holds more than tensors"):
        load(tmp_path / "bad.pt")
    assert not (tmp_path / "surprise").exists()


def test_two_models_in_one_file_are_not_mixed(tmp_path: Path) -> None:
    state = random_state(SMALL)
    mixed = state | {f"module.{name}": value + 1 for name, value in state.items()}
    torch.save({"state_dict": mixed, "finetune_mode": "full_encoder"}, tmp_path / "two.pt")
    with pytest.raises(HairsplitError, match="is there twice"):
        load(tmp_path / "two.pt")
