"""Runs of seconds: the very small CLIP on drawn pairs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from hairsplit.core.tables import read_pairs
from hairsplit.core.tensors import Batch
from hairsplit.data.batches import PairBatches
from hairsplit.encoders.dual_encoder import DualEncoder, new, save
from hairsplit.train.checkpoint import TrainState
from hairsplit.train.config import TrainConfig
from hairsplit.train.loop import Trainer, Validate
from hairsplit.train.sharded_state import Saved
from hairsplit.train.update import Update, Updated
from tests.small_world import SHAPE, draw_pairs


@dataclass(frozen=True)
class Material:
    """Files to train from."""

    train: Path
    val: Path
    model: Path
    dropout_model: Path
    """The same weights, with dropout of attention: randomness of its own in every step."""


def make_material(folder: Path) -> Material:
    """Draw scenes, make pairs of them, and save a new model."""
    tables = {split: folder / f"{split}.parquet" for split in ("train", "val")}
    draw_pairs(folder / "drawn", tables, count=120, recognition=0, max_pairs=6, negatives=2)
    encoder = new(SHAPE)
    save(encoder, folder / "model")
    encoder.model.config.text_config.attention_dropout = 0.2
    encoder.model.config.vision_config.attention_dropout = 0.2
    save(encoder, folder / "dropout_model")
    return Material(tables["train"], tables["val"], folder / "model", folder / "dropout_model")


def config(material: Material, **changes: Any) -> TrainConfig:
    """A short run on the material."""
    settings: dict[str, Any] = {
        "train": material.train,
        "val": material.val,
        "max_val_pairs": 20,
        "model": str(material.model),
        "batch_size": 8,
        "negatives_per_image": 2,
        "steps": 4,
        "warmup_steps": 1,
        "lr": 1e-3,
        "log_every": 1,
        "validate_every": 100,
        "save_every": 100,
    }
    return TrainConfig(**settings | changes)


def batches(settings: TrainConfig, encoder: DualEncoder) -> PairBatches:
    """The batches of a run, without the checks of the command."""
    table = read_pairs(settings.train)
    keys = {name: n for n, name in enumerate(dict.fromkeys(pair.image for pair in table.pairs))}
    return PairBatches(
        table,
        encoder.tokenizer,
        encoder.preprocess,
        batch_size=settings.batch_size,
        image_keys=keys,
        negatives_per_image=settings.negatives_per_image,
        kind_weights=settings.kind_weights,
        seed=settings.seed,
    )


def trainer(settings: TrainConfig, encoder: DualEncoder, out: Path, validate: Validate | None = None) -> Trainer:
    """A trainer on an encoder in memory."""
    out.mkdir(parents=True, exist_ok=True)
    made = batches(settings, encoder)
    return Trainer(settings, encoder, made, out=out, config_hash="same", validate=validate)


def rows(run: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Lines of the log without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [
        {key: value for key, value in row.items() if not key.endswith("_per_s")}
        for row in lines
        if kind in {None, row["kind"]}
    ]


def state(run: Path) -> dict[str, Any]:
    """What is needed to go on, as one process would save it."""
    tree: dict[str, Any] = torch.load(run / "state" / "state.pt", weights_only=True)
    saved = Saved(run, TrainState(**{key: value for key, value in tree.items() if not key.endswith("_rng")}), rank=0)
    return tree | {"model": saved.model(), "optimizer": saved.optimizer()}


def same(one: Any, two: Any) -> bool:
    """Whether two trees of tensors are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return one.dtype == two.dtype and torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)


def cut_short(short: Trainer, monkeypatch: pytest.MonkeyPatch, *, at: int) -> None:
    """Train until the step `at` (from 0), of which nothing is done."""
    update = Update.__call__

    def killed(self: Update, micro: list[Batch], step: int) -> Updated:
        if step == at:
            raise KeyboardInterrupt
        return update(self, micro, step)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Update, "__call__", killed)
        short.fit(resume=False)
