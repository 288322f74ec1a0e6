"""What the page's template shows, as plain values: tables, cards and figures of evaluations and runs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from hairsplit.core.types import Estimate
from hairsplit.report import figures, wording
from hairsplit.report._svg import embedded
from hairsplit.report.calibration import Margins, margin_calibration
from hairsplit.report.comparison import Comparison, Difference, Example, Group, extremes
from hairsplit.report.edits import edit_view
from hairsplit.report.evaluation_folder import Evaluation, Scores, same_task
from hairsplit.report.pictures import Gallery
from hairsplit.report.run_folder import Run

SHOWN = 6
"""Items per list of examples."""
MEAN = "mean over kinds"
THESIS = ("avg_pos", "avg_neg", "margin", "avg_rand_neg")
EXAMPLES = {
    "worst": "Worst: the negative wins by the most",
    "best": "Best: the true caption wins by the most",
    "improved": "Most improved by margin",
    "worsened": "Most worsened by margin",
}


def group_view(group: Group, number: int, gallery: Gallery) -> dict[str, Any]:
    """What the template shows of evaluations of equal data."""
    before, after = group.before, group.after
    kinds = list(dict.fromkeys(kind for one in group.evaluations for kind in one.kinds))
    sources = list(dict.fromkeys(source for one in group.evaluations for source in one.sources))
    last = group.comparisons[-1] if group.comparisons else None
    prefix = f"g{number}"
    return {
        "id": prefix,
        "first": number == 0,
        "group": group,
        "before": before,
        "after": after,
        "last": last,
        "kinds_figure": embedded(_kinds_figure(group, kinds, prefix)),
        "similarity_figure": embedded(_similarity_figure(group, prefix)),
        "calibration_figure": embedded(_calibration_figure(group, prefix)),
        "kind_rows": [_mean_row(group), *(_row(group, "kinds", kind) for kind in kinds)],
        "sources": len(sources),
        "source_rows": [row for source in sources for row in _source_rows(group, source)],
        "edits": edit_view(group, prefix),
        "recognition": _tasks(group, "recognition"),
        "retrieval": _tasks(group, "retrieval"),
        "thesis": [_thesis(evaluation) for evaluation in group.evaluations],
        "thesis_columns": _thesis_columns(group),
        "examples": _examples(group, last, gallery),
        "stamps": [(one.label, pretty(one.stamp)) for one in group.evaluations],
        "rejects": _rejects(group),
        "wrong": int((after.items.margin <= 0).sum()),
    }


def _kinds_figure(group: Group, kinds: Sequence[str], prefix: str) -> str:
    names = {kind: wording.named(kind) for kind in kinds}
    bars = [
        figures.Bars(
            one.label,
            {
                MEAN: one.overall.estimates["macro_pair_accuracy"],
                **{names[kind]: scores.estimates["pair_accuracy"] for kind, scores in one.kinds.items()},
            },
        )
        for one in group.evaluations
    ]
    blind = {names[kind]: estimate for kind, estimate in group.before.text_only.items() if kind in names}
    return figures.kind_bars(bars, text_only=blind, name=f"{prefix}-kinds")


def _similarity_figure(group: Group, prefix: str) -> str:
    panels = [
        figures.Similarities(one.label, one.items.positive_cosine, one.items.negative_cosine, one.random)
        for one in group.evaluations
    ]
    return figures.similarity_histograms(panels, name=f"{prefix}-similarities")


def _calibration_figure(group: Group, prefix: str) -> str:
    panels = [Margins(one.label, one.items.margin) for one in group.evaluations]
    return margin_calibration(panels, name=f"{prefix}-calibration")


def _row(group: Group, what: str, name: str) -> dict[str, Any]:
    """One kind or source: the estimate of each evaluation and its difference to the baseline."""
    scores: list[Mapping[str, Scores]] = [getattr(one, what) for one in group.evaluations]
    estimates = [one[name].estimates["pair_accuracy"] if name in one else None for one in scores]
    differences = [getattr(comparison, what).get(name) for comparison in group.comparisons]
    return {
        "name": wording.named(name),
        "n": next((estimate.n for estimate in estimates if estimate is not None), 0),
        "text_only": group.before.text_only.get(name) if what == "kinds" else None,
        "first": estimates[0],
        "others": list(zip(estimates[1:], differences, strict=True)),
    }


def _source_rows(group: Group, name: str) -> list[dict[str, Any]]:
    """A source twice: its kinds weighing the same, as in the table by kind, and its pairs weighing the same."""
    pooled = _row(group, "sources", name)
    pooled["name"] += ", all pairs"
    means = [
        one.sources[name].estimates.get("macro_pair_accuracy") if name in one.sources else None
        for one in group.evaluations
    ]
    differences = [comparison.source_macros.get(name) for comparison in group.comparisons]
    mean = {
        "name": f"{wording.named(name)}, {MEAN}",
        "first": means[0],
        "others": list(zip(means[1:], differences, strict=True)),
    }
    return [pooled | mean, pooled] if any(means) else [pooled]


def _mean_row(group: Group) -> dict[str, Any]:
    estimates = [one.overall.estimates["macro_pair_accuracy"] for one in group.evaluations]
    differences = [
        Difference(comparison.macro, comparison.overall.turned) if comparison.macro and comparison.overall else None
        for comparison in group.comparisons
    ]
    return {
        "name": MEAN,
        "n": estimates[0].n,
        "text_only": group.before.text_only_mean,
        "first": estimates[0],
        "others": list(zip(estimates[1:], differences, strict=True)),
    }


def _tasks(group: Group, what: str) -> dict[str, Any] | None:
    """Recognition or retrieval of all evaluations; a difference only where task and size are the same."""
    tasks: list[Mapping[str, Any] | None] = [getattr(one, what) for one in group.evaluations]
    known = [task for task in tasks if task is not None]
    if not known:
        return None
    metrics = list(dict.fromkeys(name for task in known for name, value in task.items() if isinstance(value, Estimate)))
    same = [same_task(tasks[0], task) for task in tasks]

    def cells(metric: str) -> list[dict[str, Any]]:
        baseline = (tasks[0] or {}).get(metric)
        out = []
        for task, comparable in zip(tasks, same, strict=True):
            estimate = (task or {}).get(metric)
            change = None if baseline is None or estimate is None or not comparable else estimate.value - baseline.value
            out.append({"estimate": estimate, "change": change})
        return out

    about = ", ".join(f"{wording.plain(value)} {name}" for name, value in known[0].items() if isinstance(value, int))
    return {
        "name": known[0].get("name", ""),
        "about": about,
        "rows": [{"name": wording.named(metric), "cells": cells(metric)} for metric in metrics],
        "comparable": all(same),
        "headline": cells(metrics[0]) if metrics else [],
        "headline_name": wording.named(metrics[0]) if metrics else "",
    }


def _thesis_columns(group: Group) -> list[str]:
    seen = dict.fromkeys(name for one in group.evaluations for name in one.overall.estimates)
    return [name for name in THESIS if name in seen] + [name for name in seen if name.startswith("acc@")]


def _thesis(evaluation: Evaluation) -> dict[str, Any]:
    rows = [*evaluation.kinds.items(), ("overall", evaluation.overall)]
    return {
        "label": evaluation.label,
        "rows": [
            {
                "name": wording.named(name),
                "n": scores.estimates["pair_accuracy"].n,
                "values": scores.estimates,
                "nonpositive": scores.counts.get("nonpositive_cosines", 0),
                "ties": scores.counts.get("ties", 0),
            }
            for name, scores in rows
        ],
    }


def _rejects(group: Group) -> list[tuple[str, Mapping[str, int]]]:
    """Rows left out, once where several evaluations of the same data left out the same."""
    found: list[tuple[list[str], Mapping[str, int]]] = []
    for one in group.evaluations:
        equal = next((labels for labels, rejects in found if rejects == one.rejects), None)
        if equal is not None:
            equal.append(one.label)
        elif one.rejects:
            found.append(([one.label], one.rejects))
    return [(" and ".join(labels), rejects) for labels, rejects in found]


def _examples(group: Group, last: Comparison | None, gallery: Gallery) -> list[dict[str, Any]]:
    found = extremes(group.after, last, SHOWN)
    return [
        {"title": EXAMPLES[name], "id": name, "cards": [_card(group, example, gallery) for example in examples]}
        for name, examples in found.items()
    ]


def _card(group: Group, example: Example, gallery: Gallery) -> dict[str, Any]:
    items, row = group.after.items, example.after_row
    caption, negative = wording.marked(items.caption[row], items.negative[row])
    old = group.before.items
    before = example.before_row
    return {
        "picture": gallery.picture(group.after.images_root, items.image[row]),
        "image": items.image[row],
        "kind": wording.named(items.kind[row]),
        "caption": caption,
        "negative": negative,
        "alt": f"Picture of the item with the true caption: {items.caption[row]}",
        "right": bool(items.margin[row] > 0),
        "positive_after": float(items.positive_cosine[row]),
        "negative_after": float(items.negative_cosine[row]),
        "margin_after": float(items.margin[row]),
        "positive_before": None if before is None else float(old.positive_cosine[before]),
        "negative_before": None if before is None else float(old.negative_cosine[before]),
        "margin_before": None if before is None else float(old.margin[before]),
    }


def run_view(run: Run, number: int) -> dict[str, Any]:
    """What the template shows of a run."""
    best = run.summary.get("best")
    best = best if isinstance(best, dict) else {}
    step = best.get("step") if isinstance(best.get("step"), int) else None
    panels = [panel for panel in figures.PANELS if figures.logged((*run.train, *run.validation), panel)]
    curves = [
        figures.training_curves(run.train, run.validation, panels=(panel,), best_step=step, name=f"r{number}-{panel}")
        for panel in panels
    ]
    return {
        "run": run,
        "id": f"r{number}",
        "curves": [embedded(curve) for curve in curves],
        "best": best,
        "summary": {
            name: value
            for name, value in run.summary.items()
            if isinstance(value, int | float | str) and name != "seconds"
        },
        "seconds": run.summary.get("seconds"),
        "block": -(-len(run.train) // figures.POINTS),
        "stamp": pretty(run.stamp),
    }


def pretty(tree: Mapping[str, Any]) -> str:
    """A tree as YAML; empty for an empty one."""
    return yaml.safe_dump(json.loads(json.dumps(tree, default=str)), sort_keys=True, allow_unicode=True) if tree else ""
