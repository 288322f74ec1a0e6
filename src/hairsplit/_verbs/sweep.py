"""`hairsplit compare --wise-ft`: models between the base and each other one, their Pareto front, and its knee."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hairsplit._verbs.evaluate import model_on
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, folder_name
from hairsplit.core.types import Estimate
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.interpolate import interpolate
from hairsplit.evaluate.pareto import Point, knee, pareto_front
from hairsplit.report.trade_off import Curve, Spot, axes, axis_name, trade_off

Pick = Literal["knee"]
FIGURE = "trade_off.svg"
PICKED = "picked"
"""Sub folder of the result with the models that were picked."""
_HINT = "such as 0.2,0.4,0.6,0.8, or 0.1:0.9:0.1 (first, last, step)"
_STEP = re.compile(r"([\d.]+):([\d.]+):([\d.]+)")


@dataclass(frozen=True)
class Between:
    """A model part of the way from one to another, in weight space; made when it is needed."""

    base: str | Path | DualEncoder
    tuned: str | Path | DualEncoder
    label: str
    """Of the tuned model."""
    alpha: float

    @property
    def name(self) -> str:
        """Of this one."""
        return f"{self.label}@{self.alpha:g}"

    def load(self, device: str | None) -> DualEncoder:
        """Interpolate.

        Raises:
            HairsplitError: The two are no states of one architecture.
        """
        return interpolate(model_on(self.base, device), model_on(self.tuned, device), self.alpha)


def betweens(
    models: Sequence[str | Path | DualEncoder], labels: Sequence[str], alphas: Sequence[float]
) -> list[Between]:
    """All models between the first and each other one."""
    base, *others = zip(models, labels, strict=True)
    return [Between(base[0], model, label, alpha) for model, label in others for alpha in alphas]


def alphas_of(text: str) -> tuple[float, ...]:
    """The values that a user wrote: numbers with commas between them, or first:last:step, both ends included.

    Raises:
        HairsplitError: They are no numbers, or see `inner`.
    """
    steps = _STEP.fullmatch(text.strip())
    try:
        if steps is not None:
            first, last, step = (float(part) for part in steps.groups())
            if step <= 0 or last < first:
                raise ValueError
            count = int((last - first) / step + 1e-9) + 1
            found = [round(first + n * step, 10) for n in range(count)]
        else:
            found = [float(part) for part in text.split(",")]
    except ValueError:
        raise HairsplitError(f"{text!r} is no list of numbers", where="--wise-ft", hint=_HINT) from None
    return inner(found)


def inner(alphas: Sequence[float]) -> tuple[float, ...]:
    """The values of a sweep, sorted, each once, without 0 and 1, which are the base and the model itself; () of none.

    Raises:
        HairsplitError: One is not from 0 to 1, or none lies between.
    """
    outside = [alpha for alpha in alphas if not 0 <= alpha <= 1]
    if outside:
        raise HairsplitError(f"{outside[0]:g} is not between 0 and 1", where="--wise-ft", hint=_HINT)
    found = tuple(sorted({alpha for alpha in alphas if 0 < alpha < 1}))
    if alphas and not found:
        raise HairsplitError("no value lies between 0 and 1", where="--wise-ft", hint=_HINT)
    return found


def check_axes(sorts: Sequence[str], pick: Pick | None, *, sweeps: bool) -> None:
    """See that a sweep has something to gain and something to keep, before anything is computed.

    Raises:
        HairsplitError: It has not, or a pick without a sweep.
    """
    if pick is not None and not sweeps:
        raise HairsplitError("means nothing without --wise-ft", where="--pick", hint="such as --wise-ft 0.1:0.9:0.1")
    if not sweeps:
        return
    if not any(sort in {"pairs", "benchmark"} for sort in sorts):
        raise HairsplitError("has nothing to gain", where="--wise-ft", hint="name a suite: --on PAIRS")
    if not any(sort in {"recognition", "retrieval"} for sort in sorts):
        hint = "add --recognition DIR, or --retrieval FILE"
        raise HairsplitError("has nothing that may be forgotten", where="--wise-ft", hint=hint)


def sweep_json(record: Mapping[str, Any], models: Sequence[Between]) -> list[dict[str, Any]]:
    """`sweeps` of compare.json: of each fine-tuned model, the points from the base to it, the front and the knee."""
    found_axes = axes(record["suites"])
    if found_axes is None:  # `check_axes` was not asked
        raise ValueError("a sweep with nothing to gain or nothing to keep")
    gain, kept = found_axes
    found = []
    for tuned in dict.fromkeys(model.label for model in models):
        mine = {model.name: model.alpha for model in models if model.label == tuned}
        labels = {record["base"]: 0.0, **mine, tuned: 1.0}
        points = {
            label: Point(alpha, *(measure["models"][label]["estimate"]["value"] for measure in (gain[1], kept[1])))
            for label, alpha in labels.items()
        }
        front, best = pareto_front(list(points.values())), knee(list(points.values()))
        found.append(
            {
                "model": tuned,
                "gain": {"suite": gain[0], "measure": gain[1]["name"]},
                "kept": {"suite": kept[0], "measure": kept[1]["name"]},
                "knee": next(label for label, point in points.items() if point == best),
                "points": [
                    {
                        "model": label,
                        "alpha": point.at,
                        "gain": gain[1]["models"][label]["estimate"],
                        "kept": kept[1]["models"][label]["estimate"],
                        "on_front": point in front,
                    }
                    for label, point in sorted(points.items(), key=lambda item: item[1].at)
                ],
            }
        )
    return found


def write_figure(folder: Path, sweeps: Sequence[Mapping[str, Any]], *, pick: Pick | None) -> None:
    """Draw all sweeps into one picture."""
    curves = [
        Curve(
            str(sweep["model"]),
            tuple(
                Spot(
                    f"{point['alpha']:g}",
                    _estimate(point["gain"]),
                    _estimate(point["kept"]),
                    on_front=point["on_front"],
                    picked=pick is not None and point["model"] == sweep["knee"],
                )
                for point in sweep["points"]
            ),
        )
        for sweep in sweeps
    ]
    first = sweeps[0]
    names = {side: axis_name(first[side]["measure"], first[side]["suite"]) for side in ("gain", "kept")}
    with atomic_file(folder / FIGURE) as temporary:
        temporary.write_text(trade_off(curves, **names), "utf-8")


def _estimate(told: Mapping[str, Any]) -> Estimate:
    low, high = (float("nan") if told[end] is None else told[end] for end in ("low", "high"))
    return Estimate(told["value"], low, high, told["n"], told["chance"])


def write_picked(
    folder: Path, sweep: Mapping[str, Any], models: Sequence[Between], ends: Mapping[str, str | Path | DualEncoder]
) -> Path:
    """Write the model at the knee as a transformers folder; returns where it is.

    Args:
        folder: The result's.
        sweep: One of `sweep_json`.
        models: All that lie between.
        ends: Label -> base and fine-tuned models, one of which may be the knee.
    """
    chosen = str(sweep["knee"])
    between = next((model for model in models if model.name == chosen), None)  # a name tells label and alpha
    encoder = between.load(None) if between is not None else model_on(ends[chosen], None)
    target = folder / PICKED / folder_name(str(sweep["model"]))
    dual_encoder.save(encoder.cpu(), target)
    return target
