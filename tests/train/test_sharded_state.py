"""Files of runs give back the tensors that were cut, however they are cut anew; what is missing or torn is named."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis.strategies import integers
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hairsplit.core.errors import HairsplitError
from hairsplit.train.checkpoint import TrainState
from hairsplit.train.sharded_state import (
    COUNT,
    WEIGHT,
    Run,
    Saved,
    Shards,
    drop_shards,
    part_name,
    refuse_absent,
    save_part,
    shards_folder,
)
from tests.train.small import same

SHAPES = {"blocks.0.weight": (5, 3), "scale": (), "blocks.0.bias": (7,), "frozen": (4,), "idle": (2,)}
LEARNING = ["blocks.0.bias", "blocks.0.weight", "scale", "idle"]
"""The optimiser's order is another than the model's; the last one never had a gradient."""


def whole() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A model and an optimiser's state, as one process has them."""
    random = torch.Generator().manual_seed(0)
    model = {name: torch.randn(shape, generator=random) for name, shape in SHAPES.items()}
    state: dict[int, dict[str, Tensor]] = {
        index: {
            "exp_avg": torch.randn(SHAPES[name], generator=random),
            "exp_avg_sq": torch.rand(SHAPES[name], generator=random, dtype=torch.float64),
            COUNT: torch.tensor(3.0),
        }
        for index, name in enumerate(LEARNING[:3])
    }
    return model, {"state": state, "param_groups": [{"lr": 0.1, "params": [0, 1, 2, 3]}]}


def written(run: Path, ranks: int, seed: int) -> TrainState:
    """The state of `whole`, each tensor cut in its own places; some ranks have nothing of some of them."""
    random, (model, optimizer) = torch.Generator().manual_seed(seed), whole()
    held: list[dict[str, dict[str, Run]]] = [{name: {} for name in SHAPES} for _ in range(ranks)]
    for name, weights in model.items():
        kinds = {WEIGHT: weights}
        if name in LEARNING[:3]:
            kinds |= optimizer["state"][LEARNING.index(name)]
        places = torch.randint(0, weights.numel() + 1, (ranks - 1,), generator=random).sort().values.tolist()
        for rank, (begin, end) in enumerate(zip([0, *places], [*places, weights.numel()], strict=True)):
            if begin < end or seed % 2:  # an empty run is written, or nothing
                held[rank][name] = {
                    kind: (0, value) if kind == COUNT else (begin, value.reshape(-1)[begin:end])
                    for kind, value in kinds.items()
                }
    for rank, runs in enumerate(held):
        save_part(shards_folder(run, 3), Shards(runs, SHAPES, LEARNING), step=3, rank=rank)
    shapes = {name: list(shape) for name, shape in SHAPES.items()}
    where = {"folder": "step_000003", "ranks": ranks, "shapes": shapes, "learning": LEARNING}
    return TrainState(3, {}, {**optimizer, "state": {}}, None, "c", "s", 0, shards=where)


@settings(max_examples=15)
@given(ranks=integers(1, 4), seed=integers(0, 1_000))
def test_what_was_cut_anyhow_is_put_together_again(
    tmp_path_factory: pytest.TempPathFactory, ranks: int, seed: int
) -> None:
    run = tmp_path_factory.mktemp("run")
    model, optimizer = whole()
    saved = Saved(run, written(run, ranks, seed), rank=seed % 5)  # also a rank that there was not
    assert same(saved.model(), model)
    assert same(saved.optimizer(), optimizer)
    with saved.reader(LEARNING) as reader:
        for index, name in enumerate(LEARNING[:3]):
            numbers = math.prod(SHAPES[name])
            begin, end = sorted((seed % (numbers + 1), 7 * seed % (numbers + 1)))
            expected = {
                kind: value if kind == COUNT else value.reshape(-1)[begin:end]
                for kind, value in optimizer["state"][index].items()
            }
            found = reader.optimizer(name, begin, end)
            assert same({kind: found[kind].to(value.dtype) for kind, value in expected.items()}, expected)
            assert begin == end or same(found, expected)
        assert reader.optimizer("idle", 0, 2) == {}


def test_a_state_that_is_not_sharded_is_read_the_same_way(tmp_path: Path) -> None:
    model, optimizer = whole()
    saved = Saved(tmp_path, TrainState(3, model, optimizer, None, "c", "s", 0), rank=1)
    assert saved.model() is model
    assert saved.optimizer() is optimizer
    with saved.reader(LEARNING) as reader:
        expected = model["blocks.0.weight"].reshape(-1)[4:9]
        assert same(reader.numbers(WEIGHT, "blocks.0.weight", 4, 9), expected)
        entries = optimizer["state"][1]
        found = reader.optimizer("blocks.0.weight", 4, 9)
        assert same(found, {k: v if k == COUNT else v.reshape(-1)[4:9] for k, v in entries.items()})
        assert reader.optimizer("idle", 0, 2) == {}
        found["exp_avg"].zero_()
        found[COUNT].zero_()
    assert same((model, optimizer), whole())  # what is read is a copy


def test_a_rank_that_finds_all_it_needs_in_its_own_file_opens_no_other(tmp_path: Path) -> None:
    state = written(tmp_path, 3, seed=1)
    with safe_open(shards_folder(tmp_path, 3) / part_name(1), "pt") as file:
        begins = json.loads(file.metadata()["hairsplit"])["begins"]
        expected = file.get_tensor("weight/blocks.0.weight")
    for rank in (0, 2):
        (shards_folder(tmp_path, 3) / part_name(rank)).unlink()
    begin = begins["weight/blocks.0.weight"]
    assert len(expected)
    with Saved(tmp_path, state, rank=1).reader(LEARNING) as reader:
        assert same(reader.numbers(WEIGHT, "blocks.0.weight", begin, begin + len(expected)), expected)
        assert same(reader.numbers(WEIGHT, "blocks.0.weight", 2, 2), torch.empty(0))
        with pytest.raises(HairsplitError, match=r"torn state .the part of rank 0 is missing") as caught:
            reader.numbers(WEIGHT, "blocks.0.weight", begin, begin + len(expected) + 1)
    assert caught.value.where == str(shards_folder(tmp_path, 3) / part_name(0))
    assert "checkpoints/last" in caught.value.hint


@pytest.mark.parametrize("damage", ["half", "empty", "text", "no metadata", "of another step", "of another rank"])
def test_a_torn_or_foreign_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    state = written(tmp_path, 2, seed=0)
    file = shards_folder(tmp_path, 3) / part_name(1)
    content = file.read_bytes()
    if damage == "no metadata":
        save_file({"weight/frozen": torch.zeros(4)}, file)
    elif damage.startswith("of"):
        other = {"step": 4, "rank": 1} if damage.endswith("step") else {"step": 3, "rank": 0}
        save_part(file.parent / "other", Shards({}, SHAPES, LEARNING), **other)
        (file.parent / "other" / part_name(other["rank"])).replace(file)
    else:
        file.write_bytes({"half": content[: len(content) // 2], "empty": b"", "text": b"not a state"}[damage])
    with pytest.raises(HairsplitError, match="torn state") as caught:
        Saved(tmp_path, state, rank=0).model()
    assert caught.value.where == str(file)


def test_numbers_that_are_in_no_file_are_an_error(tmp_path: Path) -> None:
    state = written(tmp_path, 1, seed=0)
    runs: dict[str, dict[str, Run]] = {"frozen": {WEIGHT: (1, torch.zeros(2))}}
    save_part(shards_folder(tmp_path, 3), Shards(runs, SHAPES, LEARNING), step=3, rank=0)
    with Saved(tmp_path, state, rank=0).reader(LEARNING) as reader:
        for begin, end, first in ((0, 2, 0), (2, 4, 3), (0, 4, 0), (3, 4, 3)):
            with pytest.raises(HairsplitError, match=rf"torn state .no weight of frozen from number {first} on"):
                reader.numbers(WEIGHT, "frozen", begin, end)
        assert reader.numbers(WEIGHT, "frozen", 1, 3).tolist() == [0, 0]


def test_a_state_of_other_parameters_is_refused(tmp_path: Path) -> None:
    saved = Saved(tmp_path, written(tmp_path, 2, seed=0), rank=0)
    with pytest.raises(HairsplitError, match="it is of other parameters"), saved.reader(LEARNING[1:]):
        pass


def test_files_that_the_first_rank_does_not_see_are_an_error(tmp_path: Path) -> None:
    written(tmp_path, 2, seed=0)
    refuse_absent(shards_folder(tmp_path, 3), 2)
    with pytest.raises(HairsplitError, match="what rank 2 wrote cannot be seen by the first rank") as caught:
        refuse_absent(shards_folder(tmp_path, 3), 3)
    assert "all machines share" in caught.value.hint


def test_only_the_shards_to_keep_are_kept(tmp_path: Path) -> None:
    for step in (3, 4, 1_000_000):
        shards_folder(tmp_path, step).mkdir(parents=True)
    drop_shards(tmp_path, keep="step_000004")
    assert [folder.name for folder in (tmp_path / "state").iterdir()] == ["step_000004"]
    drop_shards(tmp_path, keep=None)
    assert not list((tmp_path / "state").iterdir())
