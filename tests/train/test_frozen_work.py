"""Frozen work is done once, and the numbers are those of doing it in every step."""

import copy
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hairsplit.core.images import decode
from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.data import pixels
from hairsplit.data.leaks import content_keys
from hairsplit.encoders.dual_encoder import DualEncoder, load, new
from hairsplit.encoders.lora import LoraConfig
from hairsplit.encoders.trainable import MODES, TrainableMode, set_trainable
from hairsplit.losses import objectives
from hairsplit.train.config import TrainConfig
from hairsplit.train.frozen_work import FrozenWork
from hairsplit.train.step import Towers
from tests.small_world import SHAPE, paint
from tests.train import ranks
from tests.train.processes import run
from tests.train.small import Material, batches, config, rows, same, state, trainer
from tests.train.test_resume import assert_equal

CPU = torch.device("cpu")
OBJECTIVES = ("hnc_l2", "hnc_kl", "dpo_kl")


class Made:
    """A model, its reference and their frozen work, in float64 unless told otherwise."""

    def __init__(self, settings: TrainConfig, encoder: DualEncoder, *, dtype: torch.dtype = torch.float64) -> None:
        encoder = encoder.to(dtype)
        needs = objectives.needs_teacher(settings.objective)
        self.teacher = Towers(copy.deepcopy(encoder).requires_grad_(False).eval()) if needs else None
        set_trainable(encoder, settings.trainable, lora=settings.lora)
        for name, parameter in encoder.named_parameters():  # away from the reference, where nothing has a gradient
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(len(name)))
        self.settings, self.encoder = settings, encoder
        self.towers = Towers(encoder, local=objectives.needs_local(settings.objective))
        self.work = FrozenWork(settings, encoder, self.teacher, CPU)

    def keeping(self) -> "Made":
        self.work.attach(self.towers, self.teacher)
        return self

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Loss and gradients."""
        self.encoder.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.precision == "bf16"):
            z: Embeddings = self.towers(batch)
            with torch.no_grad():
                reference = None if self.teacher is None else self.teacher(batch)
        loss = objectives.compute(objectives.resolve(self.settings.objective, 0), z, reference).total
        torch.autograd.backward(loss)
        found = {name: p.grad.clone() for name, p in self.encoder.named_parameters() if p.grad is not None}
        return found | {"loss": loss.detach()}


def a_batch(settings: TrainConfig, made: Made, dtype: torch.dtype = torch.float64) -> Batch:
    """The first of an epoch."""
    plan = batches(settings, made.encoder)
    plan.known = made.work.pictures
    batch = plan.batch(plan.epoch(0).batches[0])
    plan.close()
    return batch if batch.pixels is None else replace(batch, pixels=batch.pixels.to(dtype))


def assert_near(found: dict[str, Tensor], expected: dict[str, Tensor], rtol: float, atol: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=rtol, atol=atol * max(1.0, float(value.abs().max())))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_loss_and_gradient_are_those_of_computing_all_of_it(
    material: Material, objective: str, mode: TrainableMode
) -> None:
    settings = config(material, objective=objectives.parse_objective(objective), trainable=mode)
    plain, kept = (Made(settings, load(material.model)) for _ in range(2))
    kept.keeping()
    given = a_batch(settings, plain)
    expected = plain.step(replace(given, decoded=None))
    for epoch in range(2):
        batch = a_batch(settings, kept)
        frozen_image = mode in {"text_encoder", "last_encoder", "projections"}
        assert (batch.pixels is None) == (epoch == 1 and frozen_image)
        assert_near(kept.step(batch), expected, 1e-9, 1e-10)
    assert_near(kept.step(given), expected, 1e-9, 1e-10)  # with pixels that nobody needs


@pytest.mark.parametrize("mode", MODES)
def test_patches_and_tokens_are_computed_behind_what_is_kept(material: Material, mode: TrainableMode) -> None:
    """What is kept ends before the last block, of which all positions are needed."""
    objective = objectives.parse_objective({"name": "fsc_clip", "local_weight": 0.7})
    settings = config(material, objective=objective, trainable=mode)
    plain, kept = (Made(settings, load(material.model)) for _ in range(2))
    kept.keeping()
    expected = plain.step(replace(a_batch(settings, plain), decoded=None))
    for epoch in range(2):
        batch = a_batch(settings, kept)
        assert (batch.pixels is None) == (epoch == 1 and mode in {"text_encoder", "last_encoder", "projections"})
        assert_near(kept.step(batch), expected, 1e-9, 1e-10)


@pytest.mark.parametrize("mode", ["text_encoder", "last_encoder", "projections"])
def test_float32_is_near_and_the_second_time_is_the_first_to_the_last_bit(
    material: Material, mode: TrainableMode
) -> None:
    settings = config(material, objective=objectives.parse_objective("hnc_kl"), trainable=mode)
    plain, kept = (Made(settings, load(material.model), dtype=torch.float32) for _ in range(2))
    nothing = Made(replace(settings, frozen_cache_megabytes=0), load(material.model), dtype=torch.float32).keeping()
    kept.keeping()
    given = a_batch(settings, plain, torch.float32)
    first = kept.step(a_batch(settings, kept, torch.float32))
    assert_near(first, plain.step(given), 1e-4, 1e-5)
    assert same(kept.step(a_batch(settings, kept, torch.float32)), first)
    assert nothing.work.pictures is None
    assert same(nothing.step(given), first)  # a run that keeps nothing has the numbers of one that does


def test_bfloat16_states_are_near_and_whole_towers_stay_exact(material: Material) -> None:
    for mode, is_lossy in (("last_encoder", True), ("text_encoder", False)):
        settings = config(material, objective=objectives.parse_objective("hnc_kl"), trainable=mode)
        exact = Made(settings, load(material.model), dtype=torch.float32).keeping()
        lossy = Made(replace(settings, frozen_cache_precision="bf16"), load(material.model), dtype=torch.float32)
        given = a_batch(settings, exact, torch.float32)
        expected, found = exact.step(given), lossy.keeping().step(given)
        assert same(found, expected) != is_lossy
        torch.testing.assert_close(found["loss"], expected["loss"], rtol=2e-2, atol=0)
        assert same(lossy.step(given), found)


def test_under_autocast_the_second_time_is_the_first(material: Material) -> None:
    settings = config(
        material, objective=objectives.parse_objective("hnc_kl"), trainable="last_encoder", precision="bf16"
    )
    plain, kept = (Made(settings, load(material.model), dtype=torch.float32) for _ in range(2))
    given = a_batch(settings, plain, torch.float32)
    first = kept.keeping().step(given)
    torch.testing.assert_close(first["loss"], plain.step(given)["loss"], rtol=2e-2, atol=0)
    assert same(kept.step(a_batch(settings, kept)), first)


@pytest.mark.parametrize("mode", ["text_encoder", "last_encoder", "projections"])
def test_after_the_first_epoch_no_picture_is_decoded_and_no_frozen_block_runs(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: TrainableMode
) -> None:
    settings = config(material, objective=objectives.parse_objective("hnc_kl"), trainable=mode, epochs=3, steps=None)
    settings = replace(settings, batch_size=32)
    made = trainer(settings, load(material.model), tmp_path)
    made.batches._store._room = 0
    events: list[str] = []
    batch = made.batches.batch

    def decoding(path: Path) -> Any:
        events.append("decoded")
        return decode(path)

    def collated(numbers: Any) -> Batch:
        found = batch(numbers)
        events.append("batch")
        return found

    monkeypatch.setattr(pixels, "decode", decoding)
    monkeypatch.setattr(made.batches, "batch", collated)
    assert made.teacher is not None
    watched = [made.encoder.vision_blocks[0], made.teacher.encoder.vision_blocks[0]]
    watched += [made.teacher.encoder.text_blocks[0], *([] if mode == "text_encoder" else [made.encoder.text_blocks[0]])]
    for block in watched:
        block.register_forward_hook(lambda *_: events.append("block"))
    length = made.plan.length(0)
    made.fit(resume=False)
    ends = [n for n, event in enumerate(events) if event == "batch"]
    seen = {int(key) for numbers in made.plan.numbers(0, length) for key in made.batches._image_keys[numbers]}
    assert len(seen) == len(set(made.batches._image_keys.tolist()))  # the first epoch showed every picture
    assert {"decoded", "block"} <= set(events[: ends[length]])
    assert set(events[ends[length + 1] :]) <= {"batch", "block"}
    left = {n for numbers in made.plan.numbers(0, length) for n in numbers}
    if len(left) == len(made.batches.examples):
        assert set(events[ends[length + 1] :]) == {"batch"}


def test_a_later_run_computes_nothing_that_lies_in_the_folder(material: Material, tmp_path: Path) -> None:
    settings = config(
        material,
        objective=objectives.parse_objective("hnc_kl"),
        trainable="last_encoder",
        frozen_cache=tmp_path / "cache",
    )
    for name in ("one", "two"):
        made = trainer(settings, load(material.model), tmp_path / name)
        assert made.teacher is not None
        passes: list[int] = []
        for block in (made.encoder.vision_blocks[0], made.teacher.encoder.text_blocks[0]):
            block.register_forward_hook(lambda *_, passes=passes: passes.append(1))
        made.fit(resume=False)
        assert bool(passes) == (name == "one")
    assert same(state(tmp_path / "one")["model"], state(tmp_path / "two")["model"])
    memory = replace(settings, frozen_cache=None)
    trainer(memory, load(material.model), tmp_path / "memory").fit(resume=False)
    trainer(replace(memory, frozen_cache_megabytes=0), load(material.model), tmp_path / "none").fit(resume=False)
    for name in ("two", "memory", "none"):
        assert rows(tmp_path / name) == rows(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["memory", "folder", "nothing"])
def test_a_run_killed_again_and_again_ends_as_if_it_had_not_been(
    material: Material, tmp_path: Path, cache: str
) -> None:
    """Cold after each kill in memory, warm in the folder; the uninterrupted run has memory."""
    chosen = config(
        material,
        model=str(material.dropout_model),
        objective=objectives.parse_objective("hnc_kl"),
        trainable="last_encoder",
        steps=12,
        save_every=3,
        validate_every=6,
    )
    changes: dict[str, dict[str, Any]] = {
        "memory": {},
        "folder": {"frozen_cache": tmp_path / "cache"},
        "nothing": {"frozen_cache_megabytes": 0},
    }
    assert run(chosen, tmp_path / "whole") == 0
    other, out = replace(chosen, **changes[cache]), tmp_path / "run"
    for number, until in enumerate((1, 5, 8)):
        assert run(other, out, resume=number > 0, until=until) == -signal.SIGKILL
    assert run(other, out, resume=True) == 0
    assert_equal(out, tmp_path / "whole")


@pytest.mark.slow
def test_two_ranks_share_a_folder_and_have_the_numbers_of_two_that_do_not(material: Material, tmp_path: Path) -> None:
    objective = objectives.parse_objective("hnc_kl")
    settings = config(material, objective=objective, trainable="last_encoder", steps=3)
    shared = replace(settings, frozen_cache=tmp_path / "cache")
    for name, chosen in (("alone", settings), ("shared", shared), ("again", shared)):
        assert ranks.launch(ranks.train, chosen, tmp_path / name) == [0, 0]
    for name in ("shared", "again"):
        assert rows(tmp_path / name) == rows(tmp_path / "alone")
        assert same(state(tmp_path / name)["model"], state(tmp_path / "alone")["model"])
    assert len(list((tmp_path / "cache").glob("*.index"))) > 3


def test_damaged_records_are_computed_again_and_counted(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config(material, trainable="last_encoder", frozen_cache=tmp_path / "cache", steps=2)
    trainer(settings, load(material.model), tmp_path / "one").fit(resume=False)
    for file in (tmp_path / "cache").glob("*.rows"):
        raw = bytearray(file.read_bytes())
        raw[100] ^= 4
        file.write_bytes(raw)
    capsys.readouterr()
    trainer(settings, load(material.model), tmp_path / "two").fit(resume=False)
    damaged = len(list((tmp_path / "cache").glob("*.rows")))
    assert f"frozen cache: {damaged} damaged records computed again" in capsys.readouterr().err
    assert rows(tmp_path / "two") == rows(tmp_path / "one")


def files(settings: TrainConfig, encoder: DualEncoder) -> set[str]:
    """Of a folder, after one step."""
    made = Made(settings, encoder, dtype=torch.float32).keeping()
    made.step(a_batch(settings, made, torch.float32))
    made.work.close()
    assert settings.frozen_cache is not None
    return {file.name for file in settings.frozen_cache.glob("*.index")}


def test_other_frozen_weights_have_other_files_and_other_learning_weights_have_not(
    material: Material, tmp_path: Path
) -> None:
    settings = config(material, trainable="last_encoder", frozen_cache=tmp_path / "cache")
    before = files(settings, load(material.model))
    assert files(settings, load(material.model)) == before
    learning = load(material.model)
    torch.nn.init.normal_(learning.vision_blocks[-1].get_parameter("mlp.fc1.weight"))
    assert files(settings, learning) == before
    frozen = load(material.model)
    with torch.no_grad():
        frozen.vision_blocks[0].get_parameter("mlp.fc1.bias")[0] += 1e-6
    assert len(files(settings, frozen) - before) == 1  # of pictures; captions' weights are the same
    assert len(files(replace(settings, precision="bf16"), load(material.model)) - before) >= 2
    tower = replace(settings, trainable="text_encoder", objective=objectives.parse_objective("hnc_kl"))
    image_and_captions = files(replace(tower, frozen_cache=tmp_path / "whole"), load(material.model))
    assert len(image_and_captions) == 2  # the frozen image tower and the reference's are one


def test_a_picture_of_other_bytes_has_another_key(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", (10, 20, 30))
    before = content_keys(tmp_path, ["a.png"])
    paint(tmp_path / "a.png", (10, 20, 31))
    assert content_keys(tmp_path, ["a.png"]) != before


def test_what_is_kept_and_what_is_not_and_why_is_said() -> None:
    def lines(mode: TrainableMode, encoder: DualEncoder, **changes: Any) -> tuple[str, ...]:
        settings = TrainConfig(train=Path("none"), trainable=mode, **changes)
        return Made(settings, encoder, dtype=torch.float32).work.lines

    once = "computed once for each picture or caption: "
    assert lines("full_encoder", new(SHAPE)) == ()
    assert lines("lora", new(SHAPE)) == ()
    assert lines("lora", new(SHAPE), lora=LoraConfig(towers="text")) == (once + "the image tower's output",)
    assert lines("last_encoder", new(SHAPE)) == (
        once + "the image tower's frozen blocks, the text tower's frozen blocks",
    )
    objective = objectives.parse_objective("hnc_kl")
    assert lines("full_encoder", new(SHAPE), objective=objective) == (once + "the reference model's embeddings",)
    found = lines("text_encoder", new(SHAPE), engine="fsdp2", objective=objective)
    assert found[0] == "frozen steps of the image tower are computed in each step: fsdp2 shards them"
    assert found[1] == once + "the reference model's embeddings"
    dropping = new(SHAPE)
    for block in dropping.text_blocks:
        setattr(block.get_submodule("self_attn"), "dropout", 0.5)  # noqa: B010
    found = lines("last_encoder", dropping)
    assert found[0].endswith("text tower are computed in each step: dropout is active in that tower")
    assert found[1] == once + "the image tower's frozen blocks"
    eager = new(SHAPE)
    eager.model.set_attn_implementation("eager")
    found = lines("last_encoder", eager)
    assert [line.rpartition(": ")[2] for line in found] == ["its attention is not PyTorch's (sdpa)"] * 2


def test_a_reference_whose_attention_is_not_pytorchs_is_kept_all_the_same(material: Material) -> None:
    settings = config(material, objective=objectives.parse_objective("hnc_kl"), trainable="text_encoder")
    made = []
    for _ in range(2):
        encoder = load(material.model)
        encoder.model.set_attn_implementation("eager")
        made.append(Made(settings, encoder))
    plain, kept = made
    kept.keeping()
    given = a_batch(settings, plain)
    for _ in range(2):
        assert_near(kept.step(given), plain.step(given), 1e-9, 1e-10)
    assert a_batch(settings, kept).pixels is None  # the frozen image tower runs whole, once
