"""`hairsplit explain --pairs`: the margins of a whole table explained, and what they are made of, kind by kind."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from hairsplit._verbs.evaluate import model_on
from hairsplit.core.run import write_json
from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.ratio import clustered_ratio
from hairsplit.evaluate.statistics import clustered_mean, estimate_json, estimate_or_null
from hairsplit.explain import explainer_of
from hairsplit.explain.config import Preset
from hairsplit.explain.many import explain_many, explained_meta
from hairsplit.report.explanation_summary import write_summary_page

VERSION = 1
SUMMARY, PAGE = "summary.json", "summary.html"
MEANS = ("margin", "on_blank_image", "with_image", "reference_shift")
"""Columns of which the mean is told, in the unit of the score."""
Columns = Mapping[str, NDArray[Any]]


def run_explained_pairs(
    model: str | Path | DualEncoder,
    pairs: Path,
    out: Path,
    *,
    images: Path | None,
    preset: Preset,
    sample: int | None,
    seed: int,
    indirect: bool,
    keep_factors: bool,
    text_layer: int | None,
    image_layer: int | None,
    tolerance: float | None,
    device: str | None,
) -> dict[str, Any]:
    """See `hairsplit.api.explain_pairs`."""
    settings = {"text_layer": text_layer, "image_layer": image_layer, "tolerance": tolerance}
    changes = {name: value for name, value in settings.items() if value is not None}
    explainer = explainer_of(model_on(model, device), preset, **changes)
    made = explain_many(
        explainer,
        pairs,
        out,
        images=images,
        sample=sample,
        seed=seed,
        indirect=indirect,
        keep_factors=keep_factors,
        progress=True,
    )
    record = summary_of(made.pairs)
    write_summary_page(record, out / PAGE)
    write_json(out / SUMMARY, record)
    return record | {"went_on_from": made.went_on_from}


def summary_of(pairs: Path) -> dict[str, Any]:
    """What the margins of a file of explained pairs are made of, in all and by kind; the same bytes for the same file.

    Shares are ratios of sums over the pairs of a kind (`clustered_ratio`), never means of single pairs' shares:

    * blank_share: what the words add on the blank image, over the margin. Priors for and against the true captions
      cancel in it: it tells what the texts do to the average.
    * blank_weight: the same by absolute value, |on blank image| over |on blank image| + |with image|, 0 to 1. It tells
      how much of what moves single pairs the texts decide, in either direction.
    * edited_share: what the edited words carry, over the margin.
    * heat_inside: positive heat of the edited words within the boxes of the edited object, over all of it. Chance is
      what a heat that is the same everywhere would have there, weighted in the same way.

    Raises:
        HairsplitError: The file holds no explained pairs.
    """
    meta, table = explained_meta(pairs), pq.read_table(pairs)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    plan = meta["plan"]
    seed = int(plan["seed"])
    kinds = {str(kind): _of(columns, columns["kind"] == kind, seed) for kind in np.unique(columns["kind"].astype(str))}
    everything = np.ones(table.num_rows, bool)
    return {
        "version": VERSION,
        "model": {"name": plan["names"]["model"], "hash": plan["model"]},
        "data": {"name": plan["names"]["table"], "hash": plan["table"], "chosen": plan["pairs"]},
        "sample": plan["sample"],
        "seed": seed,
        "indirect": plan["indirect"],
        "settings": plan["settings"],
        "logit_scale": plan["logit_scale"],
        "dropped": meta["dropped"],
        "overall": _of(columns, everything, seed),
        "kinds": kinds,
    }


def _of(columns: Columns, mine: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    chosen = {name: column[mine] for name, column in columns.items()}
    images = chosen["image"].astype(str)

    def share(values: NDArray[Any]) -> dict[str, Any]:
        return estimate_json(clustered_mean(values, images, chance=0.5, seed=seed))

    def ratio(parts: NDArray[Any], wholes: NDArray[Any]) -> dict[str, Any] | None:
        return estimate_or_null(clustered_ratio(parts, wholes, images, seed=seed))

    blank, seen, margin = (chosen[name] for name in ("on_blank_image", "with_image", "margin"))
    ways, boxes = Counter(chosen["way"].tolist()), Counter(chosen["box"].tolist())
    return {
        "pairs": len(margin),
        "images": len(np.unique(images)),
        "direct": ways["direct"],
        "indirect": ways["indirect"],
        "pair_accuracy": share(margin > 0),
        "blank_accuracy": share(chosen["blank_margin"] > 0),
        **{name: estimate_json(clustered_mean(chosen[name], images, share=False, seed=seed)) for name in MEANS},
        "blank_share": ratio(blank, margin),
        "blank_weight": ratio(np.abs(blank), np.abs(blank) + np.abs(seen)),
        "edited_share": ratio(chosen["edited_on_blank_image"] + chosen["edited_with_image"], margin),
        "heat_inside": estimate_or_null(_heat_inside(chosen, seed)),
        "with_box": boxes.pop("yes", 0),
        "without_box": dict(sorted(boxes.items())),
        "gap": {"largest": float(np.abs(chosen["gap"]).max()), "mean": float(np.abs(chosen["gap"]).mean())},
        "residual": max(float(chosen[f"residual_{side}"].max()) for side in ("text", "image")),
    }


def _heat_inside(chosen: Columns, seed: int) -> Estimate | None:
    """Pairs without a box are left out; one without positive heat has no weight."""
    boxed = chosen["box"] == "yes"
    whole = chosen["positive_heat"][boxed]
    if not whole.sum():
        return None
    inside, area = (chosen[name][boxed].astype(np.float64) for name in ("positive_heat_inside", "box_area"))
    chance = float((whole * area).sum() / whole.sum())
    return clustered_ratio(inside, whole, chosen["image"][boxed].astype(str), chance=chance, seed=seed)
