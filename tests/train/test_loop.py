"""What a step changes, what a loss that is not finite leaves behind, and that learning works."""

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from transformers import CLIPModel

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.core.tables import read_meta, read_pairs, write_pairs
from hairsplit.data import pixels
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.encoders.trainable import MODES, TrainableMode
from hairsplit.evaluate.suite import validation_metrics
from hairsplit.losses.objectives import OBJECTIVES, parse_objective
from hairsplit.train.config import Precision
from hairsplit.train.schedule import learning_rate
from tests.train.small import Material, config, rows, trainer

SUM = {"name": "sum", "terms": [{"loss": "contrastive", "weight": 0.5}, {"loss": "preference"}], "l2": 0.01}
LEARNS = {
    "text_encoder": ("text_", "logit_scale"),
    "vision_encoder": ("vision_", "visual_projection", "logit_scale"),
    "full_encoder": ("",),
    "last_encoder": ("text_model.encoder.layers.1.", "vision_model.encoder.layers.1."),
    "projections": ("text_projection", "visual_projection"),
    "lora": (),  # what it started with stays; the adapters are looked at below
}
WITHOUT_SCALE = {"structure_clip", "triplet"}
"""Their formulas have no temperature, or a fixed one."""


@pytest.fixture(scope="module")
def start(material: Material) -> DualEncoder:
    return load(material.model)


def spec(name: str) -> Any:
    return parse_objective(SUM if name == "sum" else name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_moves_exactly_what_the_mode_lets_learn(
    material: Material, start: DualEncoder, name: str, mode: TrainableMode, tmp_path: Path
) -> None:
    encoder = copy.deepcopy(start)
    settings = config(material, objective=spec(name), trainable=mode, steps=2, warmup_steps=0)
    summary = trainer(settings, encoder, tmp_path).fit(resume=False)
    before = dict(start.model.named_parameters())
    now = {key.replace(".base_layer.", "."): value for key, value in encoder.model.named_parameters()}
    moved = {key for key, value in before.items() if not torch.equal(value, now[key])}
    learns = {key for key in before if key.startswith(LEARNS[mode])}
    assert moved == learns - ({"logit_scale"} if name in WITHOUT_SCALE else set())
    added = {key: value for key, value in now.items() if key not in before}
    assert len(added) == (2 * 6 * 4 if mode == "lora" else 0)
    assert all(value.any() for value in added.values())  # B began at zero
    assert all(parameter.grad is None for parameter in encoder.parameters() if not parameter.requires_grad)
    losses = [row["loss"] for row in rows(tmp_path, "train")]
    assert len(losses) == summary.steps == 2
    assert all(math.isfinite(loss) for loss in losses)


def test_the_log_holds_rate_norm_loss_and_parts_of_each_step(material: Material, tmp_path: Path) -> None:
    settings = config(material, objective=spec("hnc_l2"), steps=5, warmup_steps=2, log_every=2)
    trainer(settings, load(material.model), tmp_path).fit(resume=False)
    found = rows(tmp_path, "train")
    assert [row["step"] for row in found] == [1, 2, 4, 5]
    assert [row["lr"] for row in found] == [learning_rate(settings, row["step"] - 1, 5) for row in found]
    assert all({"hard_negative", "l2", "margin", "pair_accuracy", "grad_norm"} <= row.keys() for row in found)
    assert found[0]["l2"] == 0.0 < found[-1]["l2"]
    for row in found:
        assert row["loss"] == pytest.approx(row["hard_negative"] + 0.01 * row["l2"], rel=1e-5)


def test_speed_is_logged_in_images_and_in_pairs(material: Material, tmp_path: Path) -> None:
    settings = config(material, objective=spec("standard"), steps=4, warmup_steps=0, log_every=2)
    made = trainer(settings, load(material.model), tmp_path)
    batches = [micro for step in made.plan.steps(0, 4) for micro in step]
    made.fit(resume=False)
    found = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text("utf-8").splitlines()]
    steps = {1: batches[:1], 2: batches[1:2], 4: batches[2:]}
    assert [row["step"] for row in found if row["kind"] == "train"] == list(steps)
    for row in found:
        if row["kind"] == "train":
            pairs = sum(max(1, int(own)) for batch in steps[row["step"]] for own in batch.mask.sum(dim=1))
            images = sum(len(batch.mask) for batch in steps[row["step"]])
            assert pairs > images
            assert row["pairs_per_s"] / row["images_per_s"] == pytest.approx(pairs / images)


def test_all_pairs_of_an_image_cost_one_image(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(material.model)
    encoded: list[int] = []
    encoder.model.vision_model.embeddings.register_forward_hook(lambda _m, _a, out: encoded.append(len(out)))
    decoded: list[Path] = []

    def counted(path: Path) -> Any:
        decoded.append(path)
        return decode(path)

    monkeypatch.setattr(pixels, "decode", counted)
    settings = config(material, objective=spec("standard"), steps=3, negatives_per_image=3)
    made = trainer(settings, encoder, tmp_path)
    seen = [batch for micro in made.plan.steps(0, 3) for batch in micro]
    made.fit(resume=False)
    assert sum(int(batch.mask.sum()) for batch in seen) > 3 * settings.batch_size
    assert encoded == [settings.batch_size] * 3
    assert len(decoded) == len({int(key) for batch in seen for key in batch.image_keys})


@pytest.mark.parametrize("mode", ["full_encoder", "text_encoder"])
def test_patches_and_tokens_are_compared_where_the_objective_has_a_weight_for_it(
    material: Material, tmp_path: Path, mode: Any
) -> None:
    logged = []
    for weight in (0.0, 0.7):
        objective = parse_objective({"name": "fsc_clip", "local_weight": weight})
        settings = config(material, objective=objective, trainable=mode, steps=2)
        trainer(settings, load(material.model), tmp_path / f"{weight}").fit(resume=False)
        logged.append(rows(tmp_path / f"{weight}", "train"))
    without, with_it = (found[0] for found in logged)
    assert "fsc_clip.local" not in without
    assert with_it["fsc_clip.local"] > 0
    assert with_it["fsc_clip.own"] == pytest.approx(without["fsc_clip.own"], rel=1e-5)
    assert with_it["loss"] == pytest.approx(without["loss"] + 0.7 * with_it["fsc_clip.local"], rel=1e-5)
    assert logged[0][1]["loss"] != pytest.approx(logged[1][1]["fsc_clip.contrastive"], rel=1e-3)


@pytest.fixture
def gradients() -> Iterator[list[list[torch.Tensor]]]:
    """Gradients at each optimiser step of this test."""
    seen: list[list[torch.Tensor]] = []

    def look(optimizer: torch.optim.Optimizer, _args: object, _kwargs: object) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        seen.append([p.grad.clone() for p in parameters if p.grad is not None])

    handle = register_optimizer_step_pre_hook(look)
    yield seen
    handle.remove()


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_gradients_are_those_of_one_batch_where_images_do_not_meet(
    material: Material, gradients: list[list[torch.Tensor]], tmp_path: Path, parts: int
) -> None:
    own = parse_objective({"name": "sum", "terms": [{"loss": "preference"}], "l2": 0.1})
    settings = config(material, objective=own, steps=2, warmup_steps=0, clip_norm=0)
    for accumulation in (1, parts):
        changed = replace(settings, accumulation=accumulation)
        trainer(changed, load(material.model), tmp_path / str(accumulation)).fit(resume=False)
    whole, cut = gradients[0], gradients[2]
    assert len(whole) == len(cut) > 50
    for one, two in zip(whole, cut, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
    logged, again = rows(tmp_path / "1"), rows(tmp_path / str(parts))
    for key in ("loss", "preference", "l2", "margin", "pair_accuracy", "grad_norm"):
        # AdamW's first step is lr * sign(gradient): where a gradient is near 0, rounding decides
        assert [row[key] for row in again] == pytest.approx([row[key] for row in logged], rel=1e-3, abs=1e-6)


def test_the_gradient_is_clipped_to_the_norm(
    material: Material, gradients: list[list[torch.Tensor]], tmp_path: Path
) -> None:
    trainer(config(material, steps=2, clip_norm=0.01), load(material.model), tmp_path).fit(resume=False)
    for step, row in zip(gradients, rows(tmp_path, "train"), strict=True):
        assert row["grad_norm"] > 0.01
        assert torch.stack([g.norm() for g in step]).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_a_small_set_is_learnt_by_heart(material: Material, tmp_path: Path) -> None:
    few = list({p.image: p for p in read_pairs(material.train).pairs if p.kind in {"attribute", "object"}}.values())[
        :16
    ]
    table = material.train.parent / "few.parquet"
    write_pairs(table, few, read_meta(material.train))
    encoder = load(material.model)
    settings = config(material, train=table, objective=spec("hnc_kl"), steps=80, warmup_steps=5, validate_every=100)
    before = validation_metrics(encoder, read_pairs(table))["pair_accuracy"]
    trainer(settings, encoder, tmp_path).fit(resume=False)
    losses = [row["hard_negative"] for row in rows(tmp_path, "train")]
    assert losses[0] > 2
    assert max(losses[-5:]) < 0.5
    assert before < 0.9
    assert validation_metrics(encoder, read_pairs(table))["pair_accuracy"] == 1.0


def test_best_and_last_load_with_transformers_alone_and_best_is_the_best(material: Material, tmp_path: Path) -> None:
    encoder, scores = load(material.model), iter([0.3, 0.7, 0.7, 0.5])
    kept: list[DualEncoder] = []

    def validate(model: DualEncoder) -> dict[str, float]:
        assert not model.training
        kept.append(copy.deepcopy(model))
        return {"macro_pair_accuracy": next(scores)}

    settings = config(material, steps=6, validate_every=2)
    summary = trainer(settings, encoder, tmp_path, validate).fit(resume=False)
    assert summary.best == {"metric": "macro_pair_accuracy", "value": 0.7, "step": 2}  # the earlier of two
    assert [row["step"] for row in rows(tmp_path, "validation")] == [0, 2, 4, 6]
    for name, expected in (("best", kept[1]), ("last", encoder)):
        folder = tmp_path / "checkpoints" / name
        found = CLIPModel.from_pretrained(folder, local_files_only=True)
        theirs = dict(found.named_parameters())
        assert all(torch.equal(theirs[key], value) for key, value in expected.model.named_parameters())
        assert load(folder).parameters_hash() == expected.parameters_hash()
    assert load(tmp_path).parameters_hash() == kept[1].parameters_hash()  # a run folder means its best


def test_bfloat16_runs_beside_float32_in_one_process_and_keeps_float32_weights(
    material: Material, tmp_path: Path
) -> None:
    losses: dict[str, list[float]] = {}
    precisions: tuple[Precision, ...] = ("fp32", "bf16", "fp32")
    for precision in precisions:
        encoder, out = load(material.model), tmp_path / f"{precision}{len(losses)}"
        settings = config(material, objective=spec("hnc_kl"), steps=3, precision=precision)
        trainer(settings, encoder, out).fit(resume=False)
        assert {p.dtype for p in encoder.parameters()} == {torch.float32}
        losses[out.name] = [row["loss"] for row in rows(out)]
    assert losses["fp320"] == losses["fp322"] != losses["bf161"]
    assert losses["bf161"] == pytest.approx(losses["fp320"], rel=0.05)


def test_epochs_give_the_number_of_steps_where_none_is_set(material: Material, tmp_path: Path) -> None:
    encoder = load(material.model)
    settings = config(material, steps=None, epochs=2, batch_size=64, trainable="projections")
    made = trainer(settings, encoder, tmp_path)
    length = len(made.batches.epoch(0).batches)
    summary = made.fit(resume=False)
    assert summary.steps == made.steps == 2 * length
    assert summary.left_over == len(made.batches.examples) - 64 * length


def refused(settings: Any, encoder: DualEncoder, out: Path) -> HairsplitError:
    with pytest.raises(HairsplitError) as caught:
        trainer(settings, encoder, out).fit(resume=False)
    return caught.value


def test_a_learning_rate_beyond_reason_stops_the_run_and_names_a_good_model(material: Material, tmp_path: Path) -> None:
    """The checkpoint of step 1 is the very model that gives no finite loss: it must not be called good."""
    error = refused(config(material, steps=9, lr=1e30, save_every=1), load(material.model), tmp_path / "alone")
    assert "is not finite at step 2" in error.message
    assert f"the last good model is the one it started from, {material.model}" in error.message
    assert (tmp_path / "alone" / "metrics.parquet").is_file()  # the log is closed all the same

    def validate(_encoder: DualEncoder) -> dict[str, float]:
        return {"macro_pair_accuracy": 0.5}

    made = trainer(config(material, steps=9, lr=1e30), load(material.model), tmp_path / "judged", validate)
    with pytest.raises(HairsplitError, match=r"checkpoints/best \(step 0\)"):
        made.fit(resume=False)
    assert (
        load(tmp_path / "judged" / "checkpoints" / "best").parameters_hash() == load(material.model).parameters_hash()
    )


@pytest.mark.parametrize(("value", "what", "good"), [(math.nan, "model", "last"), (3e38, "loss", "best")])
def test_weights_that_go_wrong_later_stop_the_run_with_the_last_good_checkpoint(
    material: Material, tmp_path: Path, value: float, what: str, good: str
) -> None:
    calls: list[int] = []

    def validate(encoder: DualEncoder) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 3:  # after step 4
            torch.nn.init.constant_(encoder.model.visual_projection.weight, value)
        return {"macro_pair_accuracy": 0.1 * len(calls) if len(calls) < 3 else 0.0}

    made = trainer(config(material, steps=9, validate_every=2), load(material.model), tmp_path, validate)
    with pytest.raises(HairsplitError) as caught:
        made.fit(resume=False)
    assert f"the {what} is not finite at step {4 if what == 'model' else 5}" in caught.value.message
    assert f"{tmp_path / 'checkpoints' / good} (step 2)" in caught.value.message
    named = load(tmp_path / "checkpoints" / good)
    assert all(torch.isfinite(p).all() and p.abs().max() < 100 for p in named.parameters())


def test_a_start_model_with_broken_numbers_is_refused_by_tensor(material: Material, tmp_path: Path) -> None:
    encoder = load(material.model)
    with torch.no_grad():
        encoder.model.text_projection.weight[0, 0] = math.nan
    error = refused(config(material), encoder, tmp_path)
    assert "1 tensor of the start model with numbers that are not finite" in error.message
    assert "text_projection.weight" in error.message


def test_an_objective_on_negatives_refuses_a_table_without_any(material: Material, tmp_path: Path) -> None:
    table = material.train.parent / "positives.parquet"
    pairs = [replace(pair, negative=None) for pair in read_pairs(material.train).pairs]
    write_pairs(table, pairs, read_meta(material.train))
    error = refused(config(material, train=table, objective=spec("dpo_kl")), load(material.model), tmp_path)
    assert "needs hard negatives, and no pair has one" in error.message
    trainer(config(material, train=table, objective=spec("standard")), load(material.model), tmp_path).fit(resume=False)
    assert all(row["margin"] is None for row in rows(tmp_path))


def test_a_micro_batch_without_negatives_does_not_spoil_the_margin_of_the_step(
    material: Material, tmp_path: Path
) -> None:
    table = material.train.parent / "mixed.parquet"
    mixed = [replace(p, negative=p.negative if n % 3 else None) for n, p in enumerate(read_pairs(material.train).pairs)]
    write_pairs(table, mixed, read_meta(material.train))
    settings = config(material, train=table, accumulation=4, negatives_per_image=1, objective=spec("dpo_kl"), steps=6)
    trainer(settings, load(material.model), tmp_path).fit(resume=False)
    assert all(abs(row["margin"]) < 2 and 0 <= row["pair_accuracy"] <= 1 for row in rows(tmp_path))


def test_a_warm_up_longer_than_the_epochs_is_refused(material: Material, tmp_path: Path) -> None:
    settings = config(material, steps=None, epochs=1, batch_size=64, warmup_steps=500)
    error = refused(settings, load(material.model), tmp_path)
    assert error.where == "warmup_steps"
    assert "leaves no training: the run has" in error.message
