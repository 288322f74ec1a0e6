"""The loss curves of the thesis's objectives on a very small world; `python -m tests.train.golden` stores them anew.

A change that should move no number leaves tests/train/golden.json as it is; one that should, rewrites it, and the diff
is read as code is. Nothing here depends on drawn scenes or generated captions, which may change for their own reasons.
"""

import json
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from PIL import Image

from hairsplit.core.types import Pair
from hairsplit.encoders.dual_encoder import new
from hairsplit.train.config import TrainConfig
from tests.small_world import SHAPE, write_table
from tests.train.small import rows, trainer

FILE = Path(__file__).with_name("golden.json")
COLOURS = ("red", "green", "blue", "yellow", "black", "white", "orange", "purple")
SIDES = ("left", "right")
# Weights large enough that every term of an objective moves the curve.
OBJECTIVES: dict[str, dict[str, Any]] = {
    "standard": {},
    "hnc_l2": {"schedule": {"min": 0.5, "max": 4.0, "interval": 3, "num_updates": 2}, "lam": 0.5},
    "hnc_kl": {"weight": 2.0, "lam": 0.5},
    "dpo_kl": {"beta": 0.5},
    "contrastive_dpo_kl": {"alpha": 0.4, "beta": 0.5},
    "contrastive_dpo_l2": {"alpha": 0.4, "beta": 0.5, "lam": 0.5},
}
"""Objective of the thesis -> its settings here."""


def make_table(folder: Path) -> Path:
    """Sixteen pictures of a coloured square on one side, each with a true caption and two negatives."""
    pairs = []
    for colour, side in product(COLOURS, SIDES):
        picture = Image.new("RGB", (24, 24), "grey")
        picture.paste(Image.new("RGB", (10, 10), colour), (1 if side == "left" else 13, 7))
        name = f"{colour}_{side}.png"
        picture.save(folder / name)
        caption = f"The {colour} square is on the {side}."
        other = COLOURS[(COLOURS.index(colour) + 1) % len(COLOURS)]
        for kind, wrong, right in (("attribute", other, colour), ("relation", SIDES[side == "left"], side)):
            negative = caption.replace(right, wrong)
            pairs.append(
                Pair(image=name, image_id=name, caption=caption, negative=negative, kind=kind, source="golden")
            )
    return write_table(folder / "pairs.parquet", pairs, folder)


def curve(folder: Path, table: Path, objective: str, **changes: Any) -> dict[str, list[float]]:
    """Loss and gradient norm of each of eight steps; one thread, so that sums have one order.

    `changes` are of the objective's settings or, where it has none of that name, of the run's.
    """
    of_objective = {name: value for name, value in changes.items() if name in OBJECTIVES[objective]}
    settings: dict[str, Any] = {
        "objective": {"name": objective, **OBJECTIVES[objective], **of_objective},
        "batch_size": 8,
        "negatives_per_image": 2,
        "steps": 8,
        "warmup_steps": 2,
        "lr": 2e-3,
        "weight_decay": 0.1,
        "val_share": 0,
        "log_every": 1,
    }
    of_run = {name: value for name, value in changes.items() if name not in of_objective}
    config = TrainConfig(train=table, **settings | of_run)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        trainer(config, new(SHAPE), folder / objective).fit(resume=False)
    finally:
        torch.set_num_threads(threads)
    logged = rows(folder / objective, "train")
    return {name: [row[name] for row in logged] for name in ("loss", "grad_norm")}


def main() -> None:
    """Write the curves."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        table = make_table(folder)
        curves = {objective: curve(folder, table, objective) for objective in OBJECTIVES}
    tree = {
        objective: {what: [float(f"{value:.7g}") for value in values] for what, values in found.items()}
        for objective, found in curves.items()
    }
    lines = [
        f'  "{objective}": {{\n'
        + ",\n".join(f'    "{what}": {json.dumps(values)}' for what, values in found.items())
        + "\n  }"
        for objective, found in tree.items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
