"""What a loss learns and hands on beside the model: kept by a run, saved with it, and taken up by a resumed one."""

import json
from pathlib import Path

import pytest
import torch

from hairsplit.encoders.dual_encoder import load
from hairsplit.losses.objectives import parse_objective
from hairsplit.train.plan import Plan
from hairsplit.train.update import begin_learned
from tests.train.small import Material, config, rows, same, state, trainer

OBJECTIVE = {"name": "sum", "terms": [{"loss": "siglip_hn"}, {"loss": "ce_clip"}]}


class StopHereError(Exception):
    """The run is cut off."""


def test_a_resumed_run_has_the_bias_and_the_thresholds_of_an_uninterrupted_one(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(material, objective=OBJECTIVE, accumulation=2, save_every=2)
    trainer(settings, load(material.model), tmp_path / "whole").fit(resume=False)
    steps = Plan.steps

    def two_steps(plan: Plan, first: int, last: int):  # type: ignore[no-untyped-def]
        yield from steps(plan, first, 2)
        raise StopHereError

    with monkeypatch.context() as cut, pytest.raises(StopHereError):
        cut.setattr(Plan, "steps", two_steps)
        trainer(settings, load(material.model), tmp_path / "cut").fit(resume=False)
    assert state(tmp_path / "cut")["step"] == 2
    trainer(settings, load(material.model), tmp_path / "cut").fit(resume=True)
    one, two = state(tmp_path / "cut"), state(tmp_path / "whole")
    assert all(same(one[key], two[key]) for key in ("model", "optimizer", "carry"))
    assert two["carry"].keys() == {"siglip_hn_start", "ce_clip_kinds", "ce_clip_thresholds"}
    assert len(two["carry"]["ce_clip_kinds"]) > 1
    assert rows(tmp_path / "cut", "train") == rows(tmp_path / "whole", "train")
    beside = json.loads((tmp_path / "whole" / "checkpoints" / "last" / "loss.json").read_text())
    assert beside.keys() == {"siglip_hn_bias", *two["carry"]}
    assert beside["siglip_hn_bias"] == two["model"]["learned.siglip_hn_bias"].item() != 0
    logged = rows(tmp_path / "whole", "train")[-1]["siglip_hn.bias"]
    assert logged == pytest.approx(beside["siglip_hn_bias"] + beside["siglip_hn_start"], abs=0.02)


def test_what_is_learned_beside_the_model_does_not_decay_and_is_not_in_the_model(
    material: Material, tmp_path: Path
) -> None:
    begun = load(material.model)
    before = begun.parameters_hash()
    begin_learned(begun, parse_objective({"name": "siglip_hn", "bias": -10}))
    assert begun.parameters_hash() == before
    assert begun.learned["siglip_hn_bias"].item() == -10
    assert begun.learned["siglip_hn_bias"].dtype == torch.float32
    made = trainer(config(material, objective={"name": "siglip_hn", "bias": -10}), begun, tmp_path)
    groups = made._optimizer().param_groups
    decay = [group["weight_decay"] for group in groups for p in group["params"] if p is begun.learned["siglip_hn_bias"]]
    assert decay == [0.0]
    begin_learned(begun, parse_objective("hnc_l2"))
    assert len(begun.learned) == 0
