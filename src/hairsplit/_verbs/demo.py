"""`hairsplit demo`: the whole road on drawn scenes, in minutes, with nothing downloaded."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hairsplit._verbs.evaluate import run_evaluation
from hairsplit._verbs.train import run_training
from hairsplit.captions.generate import drawn_source
from hairsplit.captions.table import write_captions
from hairsplit.core.config import load_config
from hairsplit.core.run import new_folder
from hairsplit.encoders.trainable import TrainableMode
from hairsplit.losses.objectives import parse_objective
from hairsplit.report.html import write_report
from hairsplit.scenes.drawing.sample import DrawnWorld
from hairsplit.scenes.drawing.write import draw
from hairsplit.train.config import TrainConfig

OBJECTIVE = {
    "name": "sum",
    "terms": [
        {
            "loss": {"name": "hard_negative", "weight": 1.0, "pool": "own", "mask_false_negatives": True},
            "weight": 1.0,
        },
        {"loss": {"name": "preference", "beta": 1.0}, "weight": 1.0},
    ],
}
FAMILIES = ("attribute", "attribute_swap", "count", "object", "relation", "role_swap")
"""One way of being wrong each; the other families combine or negate them."""
NEGATIVES = 2
"""Hard negatives of an image in a step, and of a caption in the table."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How much the demo draws, and for how long it trains."""

    scenes: int
    steps: int
    trainable: TrainableMode
    lr: float
    kind_weights: Mapping[str, float]
    validation: int
    """Pairs that say which checkpoint is the best: of 1,000, luck may choose one of before the rate has fallen."""


SHORT = Recipe(
    scenes=3_000,
    steps=900,
    trainable="text_encoder",  # it forgets least, and learns most in minutes; docs/decisions/0006
    lr=7e-4,
    kind_weights={"relation": 2.0, "role_swap": 2.0},
    validation=5_000,
)
LONG = Recipe(
    scenes=80_000,  # with everything learning, 8,000 pictures are learned by heart
    steps=18_000,
    trainable="full_encoder",
    lr=5e-4,
    kind_weights={"relation": 2.0, "role_swap": 2.0, "attribute_swap": 2.0, "count": 4.0},
    validation=10_000,
)


def run_demo(out: Path, *, long: bool, seed: int, say: Callable[[str], None]) -> Path:
    """See `hairsplit.api.demo`."""
    recipe = LONG if long else SHORT
    new_folder(out)
    clock = _Clock(say)
    drawn = draw(out / "drawn", count=recipe.scenes, seed=seed, world=DrawnWorld(size=48), workers=2)
    clock.lap(f"draw: {drawn}")
    tables = {}
    for split in ("train", "val", "test"):
        tables[split] = out / f"{split}.parquet"
        made = write_captions(
            out / "drawn" / "scene_graphs.json",
            out / "drawn" / "images",
            tables[split],
            world="closed",
            seed=seed,
            split=split,
            families=FAMILIES,
            workers=2 if split == "train" else 1,
            negatives_per_positive=NEGATIVES if split == "train" else 1,
            source_of=drawn_source,
        )
        clock.lap(f"captions: {made.rows:,} pairs for {split}")
    before = _judge("tiny", tables["test"], out, "before", seed)
    clock.lap(f"evaluate tiny: {_headline(before)}")
    config = load_config(
        TrainConfig,
        train=tables["train"],
        val=tables["val"],
        never=(tables["test"],),
        max_val_pairs=recipe.validation,
        objective=parse_objective(OBJECTIVE),
        trainable=recipe.trainable,
        batch_size=64,
        steps=recipe.steps,
        lr=recipe.lr,
        negatives_per_image=NEGATIVES,
        kind_weights=dict(recipe.kind_weights),
        validate_every=max(50, recipe.steps // 5),
        save_every=max(50, recipe.steps // 5),
        seed=seed,
    )
    summary = run_training(config, out / "run", resume=False, quiet=True)
    clock.lap(f"train: {summary.steps:,} steps, best {summary.best}")
    after = _judge(out / "run", tables["test"], out, "after", seed)
    clock.lap(f"evaluate the fine-tuned model: {_headline(after)}")
    page = write_report([out / "before", out / "run", out / "after"], out / "report.html")
    clock.lap(f"report: {page}")
    for line in table(before, after):
        say(line)
    return page


def _judge(model: str | Path, pairs: Path, out: Path, name: str, seed: int) -> dict[str, Any]:
    drawn = out / "drawn"
    return run_evaluation(
        model,
        pairs,
        out / name,
        images=None,
        device=None,
        recognition=drawn / "recognition",
        retrieval=drawn / "captions.jsonl",
        retrieval_split="test",
        seed=seed,
    )


def table(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Before and after, kind by kind, with intervals; plain text."""
    rows = [
        (kind, before["kinds"][kind]["pair_accuracy"], after["kinds"][kind]["pair_accuracy"])
        for kind in before["kinds"]
    ]
    rows.append(("mean over kinds", before["overall"]["macro_pair_accuracy"], after["overall"]["macro_pair_accuracy"]))
    for source in before["sources"]:
        key = "macro_pair_accuracy"
        rows.append((f"  {source}", before["sources"][source][key], after["sources"][source][key]))
    rows.append(("zero-shot top-1 of 64", before["recognition"]["top1"], after["recognition"]["top1"]))
    lines = [f"{'pair accuracy, held-out test':<30}{'n':>6}  {'before':<22}after"]
    return lines + [f"{name:<30}{one['n']:>6}  {_number(one):<22}{_number(two)}" for name, one, two in rows]


def _number(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None:
        return f"{100 * estimate['value']:.1f}"
    return f"{100 * estimate['value']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"


def _headline(record: Mapping[str, Any]) -> str:
    pairs, recognised = record["overall"]["macro_pair_accuracy"], record["recognition"]["top1"]
    return f"mean over kinds {_number(pairs)}, zero-shot top-1 {_number(recognised)}"


class _Clock:
    """Says what was done and how long it took."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = time.perf_counter()

    def lap(self, text: str) -> None:
        now = time.perf_counter()
        self._say(f"[{now - self._last:6.1f} s] {text}")
        self._last = now
