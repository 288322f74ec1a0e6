"""What is saved comes back to the last bit, and what is torn or foreign is refused."""

import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from hairsplit.core.errors import HairsplitError
from hairsplit.train.checkpoint import STATE, MetricsLog, TrainState, has_state, load_state, save_state
from tests.train.small import same


def trained(seed: int = 0) -> tuple[nn.Linear, torch.optim.AdamW]:
    torch.manual_seed(seed)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.autograd.backward(model(torch.randn(4, 3)).square().sum())
        optimizer.step()
    return model, optimizer


def saved(run: Path, config_hash: str = "c") -> TrainState:
    model, optimizer = trained()
    best = {"metric": "m", "value": 0.1 + 0.2, "step": 2}
    state = TrainState(3, model.state_dict(), optimizer.state_dict(), best, config_hash, "start", 17)
    save_state(run, state)
    return state


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002, S311


def test_a_state_comes_back_whole_with_the_random_generators(tmp_path: Path) -> None:
    random.gauss(0, 1)
    np.random.standard_normal()  # noqa: NPY002 - leaves half a pair in the generator
    assert not has_state(tmp_path)
    state = saved(tmp_path)
    expected = [(draws(), random.gauss(0, 1), np.random.standard_normal()) for _ in range(3)]  # noqa: NPY002
    random.seed(99)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert has_state(tmp_path)
    found = load_state(tmp_path, config_hash="c")
    assert [(draws(), random.gauss(0, 1), np.random.standard_normal()) for _ in range(3)] == expected  # noqa: NPY002
    assert same(vars(found), vars(state))


def test_saving_changes_no_random_number(tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    state = saved(tmp_path)
    torch.manual_seed(1)
    save_state(tmp_path, state)
    assert torch.equal(torch.rand(3), expected)


def test_without_a_state_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no state to resume from"):
        load_state(tmp_path, config_hash="c")


@pytest.mark.parametrize("damage", ["half", "empty", "text", "pickle", "other"])
def test_a_torn_state_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    saved(tmp_path)
    file = tmp_path / STATE
    if damage == "half":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "other":
        torch.save({"step": 3}, file)
    else:
        file.write_bytes({"empty": b"", "text": b"not a state", "pickle": b"cos\nsystem\n(S'true'\ntR."}[damage])
    with pytest.raises(HairsplitError, match="torn state") as caught:
        load_state(tmp_path, config_hash="c")
    assert caught.value.where == str(file)


def test_a_state_of_another_configuration_is_refused_and_the_generators_are_left_alone(tmp_path: Path) -> None:
    saved(tmp_path, "mine")
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    with pytest.raises(HairsplitError, match="not those this run was started with"):
        load_state(tmp_path, config_hash="other")
    assert torch.equal(torch.rand(2), expected)


def test_a_state_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    state = saved(tmp_path)
    before = (tmp_path / STATE).read_bytes()
    broken = TrainState(4, {"w": lambda: None}, {}, None, "c", "start", 1)  # type: ignore[dict-item]
    with pytest.raises(Exception, match=r"pickle|local|lambda"):
        save_state(tmp_path, broken)
    assert (tmp_path / STATE).read_bytes() == before
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["state.pt"]
    assert same(vars(load_state(tmp_path, config_hash="c")), vars(state))


def test_the_log_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    log.write({"kind": "train", "step": 1, "loss": 0.5})
    keep = log.bytes
    log.write({"kind": "train", "step": 2, "loss": 0.25})
    log._file.close()
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"kind": "tra')  # the kill came in the middle of a line
    again = MetricsLog(tmp_path, keep)
    assert again.bytes == keep
    again.write({"kind": "train", "step": 2, "loss": 0.125})
    again.close()
    assert (tmp_path / "metrics.jsonl").read_text("utf-8") == (
        '{"kind": "train", "step": 1, "loss": 0.5}\n{"kind": "train", "step": 2, "loss": 0.125}\n'
    )


def test_a_new_log_begins_empty(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("old\n")
    log = MetricsLog(tmp_path)
    assert log.bytes == 0
    log.close()
    assert not (tmp_path / "metrics.parquet").exists()


def test_a_log_shorter_than_the_checkpoint_says_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    with pytest.raises(HairsplitError, match="the log has 3 bytes, and 10 had been written"):
        MetricsLog(tmp_path, 10)
    assert (tmp_path / "metrics.jsonl").read_text() == "{}\n"
    with pytest.raises(HairsplitError, match="the log has 0 bytes"):
        MetricsLog(tmp_path / "elsewhere", 10)


def test_each_line_is_on_disk_at_once_and_the_table_has_all_columns(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    log.write({"kind": "train", "step": 1, "loss": float("nan"), "norm": float("inf")})
    assert (tmp_path / "metrics.jsonl").read_text() == '{"kind": "train", "step": 1, "loss": null, "norm": null}\n'
    log.write({"kind": "validation", "step": 1, "margin": -0.5})
    log.close()
    assert pq.read_table(tmp_path / "metrics.parquet").to_pylist() == [
        {"kind": "train", "step": 1, "loss": None, "norm": None, "margin": None},
        {"kind": "validation", "step": 1, "loss": None, "norm": None, "margin": -0.5},
    ]
