"""Seeded runs of the thesis's six objectives against stored curves: what must move no number, moves none."""

import json
from pathlib import Path
from typing import Any

import pytest

from hairsplit.losses.objectives import THESIS_CLASSES
from tests.train.golden import FILE, OBJECTIVES, curve, make_table

Curve = dict[str, list[float]]
STORED: dict[str, Curve] = json.loads(FILE.read_text("utf-8"))
RTOL = 5e-5
"""Ten times what other vector instructions (AVX2, SSE, none) make of these curves, by which machines differ."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("golden"))


def test_every_objective_of_the_thesis_has_a_curve() -> None:
    assert set(STORED) == set(OBJECTIVES) == set(THESIS_CLASSES.values())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_run_repeats_its_stored_curve(table: Path, tmp_path: Path, objective: str) -> None:
    found = curve(tmp_path, table, objective)
    for name, values in STORED[objective].items():
        assert found[name] == pytest.approx(values, rel=RTOL), name


@pytest.mark.parametrize(
    ("objective", "change"),
    [
        ("standard", {"lr": 2.01e-3}),
        ("standard", {"weight_decay": 0.0}),
        ("standard", {"seed": 1}),
        ("standard", {"clip_norm": 0.0}),
        ("standard", {"warmup_steps": 3}),
        ("standard", {"trainable": "text_encoder"}),
        ("hnc_l2", {"lam": 0.505}),
        ("hnc_l2", {"schedule": {"min": 0.5, "max": 4.04, "interval": 3, "num_updates": 2}}),
        ("hnc_kl", {"weight": 2.02}),
        ("hnc_kl", {"lam": 0.505}),
        ("dpo_kl", {"beta": 0.505}),
        ("contrastive_dpo_kl", {"alpha": 0.404}),
        ("contrastive_dpo_l2", {"beta": 0.505}),
        ("contrastive_dpo_l2", {"lam": 0.505}),
    ],
)
def test_a_small_change_of_one_setting_is_seen(
    table: Path, tmp_path: Path, objective: str, change: dict[str, Any]
) -> None:
    found = curve(tmp_path, table, objective, **change)
    assert any(found[name] != pytest.approx(values, rel=RTOL) for name, values in STORED[objective].items())
