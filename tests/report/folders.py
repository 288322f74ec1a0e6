"""Small evaluation and run folders, written as the commands write them."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from hairsplit.core.types import Estimate
from hairsplit.evaluate.statistics import clustered_macro_mean, clustered_mean

KINDS = ("attribute_swap", "count", "relation")
COLOURS = ("red", "blue", "green", "orange")


def write_images(folder: Path, count: int = 12, side: int = 64) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = Image.new("RGB", (side, side), (232, 234, 238))
        draw = ImageDraw.Draw(image)
        draw.ellipse((8, 14, 30, 36), fill=COLOURS[number % 4])
        draw.rectangle((34, 30, 56, 52), fill=COLOURS[(number + 1) % 4])
        image.save(folder / f"{number:03}.png")


def _e(estimate: Estimate) -> dict[str, Any]:
    ends = {"low": estimate.low, "high": estimate.high}
    known = {name: None if math.isnan(value) else value for name, value in ends.items()}
    return {"value": estimate.value, **known, "n": estimate.n, "chance": estimate.chance}


def _scores(rows: dict[str, list[Any]], members: list[int]) -> dict[str, Any]:
    pos, neg = (np.asarray(rows[f"{side}_cosine"], np.float64)[members] for side in ("positive", "negative"))
    clusters = [rows["cluster"][row] for row in members]
    kinds = [rows["kind"][row] for row in members]
    hits = (pos > neg).astype(np.float64)
    quantities = {
        "avg_pos": pos,
        "avg_neg": neg,
        "margin": pos - neg,
        "acc@1": pos / neg >= 1,
        "acc@1.1": pos / neg >= 1.1,
    }
    return {
        "pair_accuracy": _e(clustered_mean(hits, clusters, chance=0.5)),
        "macro_pair_accuracy": _e(clustered_macro_mean(hits, kinds, clusters, chance=0.5)),
        **{name: _e(clustered_mean(np.asarray(values, np.float64), clusters)) for name, values in quantities.items()},
        "avg_rand_neg": None,
        "ties": int((pos == neg).sum()),
        "nonpositive_cosines": int(((pos <= 0) | (neg <= 0)).sum()),
    }


def write_evaluation(
    folder: Path,
    *,
    skill: float = 0.0,
    pairs: int = 60,
    images: int = 12,
    data_hash: str = "d" * 32,
    caption: str = "the {a} circle is left of the {b} square",
    recognition: bool = True,
    top1: float = 0.97,
    images_root: str = "../images",
    edits: bool = False,
) -> None:
    """An evaluation by a model whose margins are `skill` + noise; the same pairs for every skill."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    noise, level = rng.normal(0, 0.03, pairs), rng.normal(0.4, 0.05, pairs)
    more = np.random.default_rng(int(1000 * skill) + 1).normal(0, 0.05, pairs)
    colours = [(COLOURS[n % 4], COLOURS[(n + 1) % 4]) for n in range(pairs)]
    rows: dict[str, list[Any]] = {
        "id": [f"item-{n:04}" for n in range(pairs)],
        "image": [f"{n % images:03}.png" for n in range(pairs)],
        "kind": [KINDS[n % len(KINDS)] for n in range(pairs)],
        "source": [("seen", "held_out")[n // 3 % 2] for n in range(pairs)],
        "cluster": [f"{n % images:03}" for n in range(pairs)],
        "caption": [caption.format(a=a, b=b) for a, b in colours],
        "negative": [caption.format(a=b, b=a) for a, b in colours],
        "positive_cosine": (level + (skill + noise + more) / 2).tolist(),
        "negative_cosine": (level - (skill + noise + more) / 2).tolist(),
    }
    rows |= {"edit_role": ["attributes"] * pairs} if edits else {}
    pq.write_table(pa.table(rows), folder / "scores.parquet")
    random = {"image": [f"{n:03}.png" for n in range(images)], "caption": ["c"] * images}
    pq.write_table(pa.table({**random, "cosine": rng.normal(0.1, 0.05, images)}), folder / "random.parquet")

    def split(column: str) -> dict[str, Any]:
        names = sorted(set(rows[column]))
        return {name: _scores(rows, [n for n in range(pairs) if rows[column][n] == name]) for name in names}

    blind = {
        kind: _e(Estimate(0.5 + 0.04 * place, 0.44 + 0.04 * place, 0.56 + 0.04 * place, 20, 0.5))
        for place, kind in enumerate(KINDS)
    }
    mean = _e(Estimate(0.567, 0.512, 0.634, 60, 0.5))
    task = {"name": "drawn shapes", "classes": 64, "top1": _e(Estimate(top1, top1 - 0.02, top1 + 0.01, 640, 1 / 64))}
    metrics = {
        "version": 1,
        "model": {"name": f"tiny-{folder.name}", "hash": "m" * 32},
        "data": {"name": "drawn test", "hash": data_hash, "pairs": pairs, "images": images, "images_root": images_root},
        "overall": _scores(rows, list(range(pairs))),
        "kinds": split("kind"),
        "sources": split("source"),
        "text_only": {"overall": blind["count"], "macro": mean, "kinds": blind, "note": "Words and pairs, 5 folds."},
        "recognition": task if recognition else None,
        "retrieval": None,
        "rejects": {"missing_image": 3},
        "seconds": {"encode": 1.5},
        "stamp": {"hairsplit": "0.1.0", "argv": ["hairsplit", "evaluate"]},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics), "utf-8")


def write_run(folder: Path, *, steps: int = 40, finished: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for step in range(1, steps + 1):
        rise = 1 - math.exp(-3 * step / steps)
        numbers = {"loss": 2.0 - 1.5 * rise, "margin": 0.2 * rise, "pair_accuracy": 0.5 + 0.45 * rise}
        lines.append(
            {"kind": "train", "step": step, "lr": 5e-4 * (1 - step / steps / 1.01), "grad_norm": 1.0, **numbers}
        )
        if step % 10 == 0:
            lines.append({"kind": "validation", "step": step, "pair_accuracy": 0.5 + 0.4 * rise, "margin": 0.18 * rise})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "config.yaml").write_text("lr: 0.0005\nobjective: hnc_l2\n", "utf-8")
    (folder / "stamp.json").write_text(json.dumps({"seed": 0, "hairsplit": "0.1.0"}), "utf-8")
    rows = [
        {"name": "text tower", "parameters": 700_000, "learns": True, "share": 0.6},
        {"name": "vision tower", "parameters": 466_000, "learns": False, "share": 0.4},
    ]
    (folder / "trainable.json").write_text(json.dumps({"mode": "text", "rows": rows, "parameters": 1_166_000}), "utf-8")
    if finished:
        best = {"metric": "pair_accuracy", "value": 0.88, "step": 30}
        (folder / "summary.json").write_text(json.dumps({"best": best, "steps": steps, "seconds": 75.0}), "utf-8")


def write_demo(root: Path, *, pairs: int = 60) -> list[Path]:
    """before/, run/ and after/ beside images/, as the demo leaves them; the folders in that order."""
    write_images(root / "images")
    write_evaluation(root / "before", pairs=pairs)
    write_run(root / "run")
    write_evaluation(root / "after", skill=0.06, pairs=pairs, top1=0.96)
    return [root / "before", root / "run", root / "after"]


def share(value: float, n: int = 60, chance: float | None = 0.5) -> dict[str, Any]:
    """An estimate as in JSON."""
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": n, "chance": chance}


def _compared_measure(name: str, part: str, values: dict[str, float]) -> dict[str, Any]:
    base = next(iter(values))
    cells = {
        model: {
            "estimate": share(value),
            "ties": 0,
            "difference": None if model == base else share(value - values[base], chance=None),
            "mcnemar": None if model == base else {"base_only": 3, "model_only": 17, "p_value": 0.0026},
            "p_holm": None if model == base else 0.0052,
        }
        for model, value in values.items()
    }
    return {"name": name, "part": part, "published": "", "chance": 0.5, "text_only": None, "models": cells}


def write_comparison(root: Path, *, sweep: bool = False, recognition: bool = True, **changes: Any) -> Path:
    """What `hairsplit compare old new` leaves, on pairs and recognition; with a sweep, new@0.5 lies between them."""
    gains = {"old": 0.6, "new": 0.85, **({"new@0.5": 0.8} if sweep else {})}
    keeps = {"old": 0.99, "new": 0.8, **({"new@0.5": 0.97} if sweep else {})}
    for place, model in enumerate(gains):
        write_evaluation(root / "scores" / model / "test", skill=0.05 * place, edits=True)
    pairs = [_compared_measure("pair accuracy", "overall", dict.fromkeys(gains, 0.5))]
    pairs += [_compared_measure("mean over kinds", "overall", gains), _compared_measure("object", "kind", gains)]
    common = {"data": {"name": "test.parquet", "hash": "d", "items": 60, "images": 12}, "warnings": []}
    suites = [{"name": "test", "sort": "pairs", "measures": pairs, **common}]
    if recognition:
        suites.append(
            {
                "name": "seen <i>",
                "sort": "recognition",
                "measures": [_compared_measure("top1", "overall", keeps)],
                **common,
            }
        )
    points = [
        {"model": model, "alpha": alpha, "gain": share(gains[model]), "kept": share(keeps[model]), "on_front": True}
        for model, alpha in (("old", 0.0), ("new@0.5", 0.5), ("new", 1.0))
        if model in gains
    ]
    gain, kept = ({"suite": "test", "measure": "mean over kinds"}, {"suite": "seen <i>", "measure": "top1"})
    swept = {"model": "new", "gain": gain, "kept": kept, "knee": "new@0.5", "points": points}
    drift = {"images": None, "texts": {"cosine": share(0.778, 50, None), "cka": None}}
    record = {
        "version": 1,
        "base": "old",
        "models": [{"label": model, "name": model, "hash": model} for model in gains],
        "suites": suites,
        "holm": {"tests": 2, "over": "the first"},
        "drift": {model: drift for model in gains if model != "old"},
        "sweeps": [swept] if sweep else [],
        "folders": [f"scores/{model}/test" for model in gains],
        "warnings": ["new and old <b> have the same weights"],
    } | changes
    (root / "compare.json").write_text(json.dumps(record), "utf-8")
    return root
