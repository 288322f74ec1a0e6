"""A model card: README.md of a model's folder, with its data, objective, gain, forgetting and how to load it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, read_json, write_json
from hairsplit.core.types import Estimate
from hairsplit.report import wording
from hairsplit.report._fields import Fields
from hairsplit.report.comparison import Comparison, Group, compare, group_by_data
from hairsplit.report.evaluation_folder import Evaluation, Scores, same_task
from hairsplit.report.reading import Material, read_folders
from hairsplit.report.run_folder import Run

CARD = "README.md"
CONVERSION = "## Conversion"
CONVERTED = "conversion.json"
"""What `hairsplit convert` found, for a card that is written later."""
_MEAN = "mean over kinds"


@dataclass(frozen=True)
class Card:
    """What a card says beside the numbers of the folders that it is made of."""

    weights: str
    """Hash of the model's weights: only evaluations of these are shown as this model's."""
    name: str
    version: str
    licence: str | None = None
    """An identifier of the hub's, such as apache-2.0; None: not stated."""
    data_licence: str | None = None
    merges: bool = False
    """Whether the tokenizer has fewer merges than CLIP's."""
    base: str | None = None
    objective: str | None = None
    mode: str | None = None
    steps: int | None = None
    data: tuple[tuple[str, str], ...] = field(default=())
    """(what, hash) of the data that it learned from."""


def write_card(folders: Sequence[Path], model: Path, card: Card) -> Path:
    """Write README.md into a model's folder; an older one is replaced. What `hairsplit convert` found is said in it.

    Of each data set, the last evaluation of the card's weights is this model's, and the first one of other weights is
    the base that it is compared with.

    Args:
        folders: Evaluation and run folders, as for `write_report`.
        model: The folder, which holds the model.
        card: What the folders do not say.

    Raises:
        HairsplitError: No evaluation is of these weights, or a folder is torn.
    """
    material = read_folders(folders)
    groups = [
        found for group in group_by_data(material.evaluations) if (found := _of_model(group, card.weights)) is not None
    ]
    if not groups:
        raise HairsplitError(
            f"none of the evaluations is of the weights in {model}",
            where=", ".join(str(folder) for folder in folders),
            hint=f"run `hairsplit evaluate {model} --on PAIRS --out DIR` and name that folder",
        )
    run = _run_of(material)
    told = _with_run(card, run)
    text = (
        _environment()
        .get_template("card.md.j2")
        .render(
            front=_front(told, groups),
            name=told.name,
            card=told,
            parts=[_part(before, after) for before, after in groups],
            config=_public(run.config) if run else "",
            place=told.name,
        )
    )
    out = model / CARD
    with atomic_file(out) as temporary:
        temporary.write_text(text.rstrip() + "\n" + _conversion_section(model), "utf-8")
    return out


def add_conversion(folder: Path, sentence: str) -> None:
    """Note how a model was converted and that it reads back equal: in its card, if it has one, and for a later card."""
    write_json(folder / CONVERTED, {"conversion": sentence})
    card = folder / CARD
    if card.is_file():
        before = card.read_text("utf-8").partition(f"\n{CONVERSION}\n")[0].rstrip()
        with atomic_file(card) as temporary:
            temporary.write_text(f"{before}\n\n{CONVERSION}\n\n{sentence}\n", "utf-8")


def _conversion_section(folder: Path) -> str:
    """What the folder knows of a conversion, as the end of a card; older folders have it in their card alone."""
    if (folder / CONVERTED).is_file():
        fields = Fields(read_json(folder / CONVERTED), str(folder / CONVERTED), "run `hairsplit convert` again")
        return f"\n{CONVERSION}\n\n{fields.value('conversion')}\n"
    card = folder / CARD
    text = card.read_text("utf-8", "replace") if card.is_file() else ""
    _, found, section = text.partition(f"\n{CONVERSION}\n")
    return f"\n{CONVERSION}\n{section}" if found else ""


def _of_model(group: Group, weights: str) -> tuple[Evaluation | None, Evaluation] | None:
    mine = [one for one in group.evaluations if one.model_hash == weights]
    others = [one for one in group.evaluations if one.model_hash != weights]
    return (others[0] if others else None, mine[-1]) if mine else None


def _run_of(material: Material) -> Run | None:
    return material.runs[0] if len(material.runs) == 1 else None


def _with_run(card: Card, run: Run | None) -> Card:
    if run is None:
        return card
    config = yaml.safe_load(run.config) or {}
    steps, data = run.summary.get("steps"), run.stamp.get("data") or {}
    return Card(
        weights=card.weights,
        name=card.name,
        version=str(run.stamp.get("hairsplit", card.version)),
        licence=card.licence,
        data_licence=card.data_licence,
        merges=card.merges,
        base=card.base or config.get("model"),
        objective=_named(config.get("objective")),
        mode=config.get("trainable"),
        steps=steps if isinstance(steps, int) else None,
        data=tuple((str(name), str(value)) for name, value in data.items() if value is not None),
    )


def _named(objective: object) -> str | None:
    """An objective's name; of a sum, those of its losses."""
    if not isinstance(objective, dict):
        return None if objective is None else str(objective)
    terms = objective.get("terms")
    if objective.get("name") != "sum" or not isinstance(terms, list):
        return str(objective.get("name"))
    losses = (term.get("loss", {}) for term in terms if isinstance(term, dict))
    return " + ".join(str(loss.get("name")) if isinstance(loss, dict) else str(loss) for loss in losses)


def _public(config: str) -> str:
    """A run's YAML without the folders of the machine that it ran on: of a path, its last part."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cut(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [cut(inner) for inner in value]
        if isinstance(value, str) and (value.startswith(("/", "~", "..")) or re.match(r"[A-Za-z]:[\\/]", value)):
            return re.split(r"[\\/]", value.rstrip("\\/"))[-1]
        return value

    return yaml.safe_dump(cut(yaml.safe_load(config) or {}), sort_keys=False).strip().replace("```", "")


def _front(card: Card, groups: Sequence[tuple[Evaluation | None, Evaluation]]) -> str:
    """The front matter that the hub reads; a base that is no hub id is left out of it."""
    results = [
        EvalResult(
            task_type="zero-shot-image-classification",
            dataset_type="hard-negative-pairs",
            dataset_name=after.data,
            metric_type="accuracy",
            metric_name="pair accuracy, mean over kinds",
            metric_value=round(after.overall.estimates["macro_pair_accuracy"].value, 4),
        )
        for _, after in groups
    ]
    on_hub = card.base is not None and re.fullmatch(r"[\w.-]+/[\w.-]+", card.base) and not Path(card.base).exists()
    data = ModelCardData(
        license=card.licence,
        library_name="transformers",
        pipeline_tag="zero-shot-image-classification",
        tags=["clip", "hard-negatives", "compositionality", "hairsplit"],
        base_model=card.base if on_hub else None,
        model_name=card.name,
        eval_results=results,
    )
    return str(data.to_yaml())


def _part(before: Evaluation | None, after: Evaluation) -> dict[str, Any]:
    change = None if before is None else compare(before, after)
    mean = _row(_MEAN, "macro_pair_accuracy", before.overall if before else None, after.overall)
    mean |= {"change": _points(change.macro if change else None), "blind": _share(after.text_only_mean)}
    rows = [mean]
    for kind, scores in after.kinds.items():
        row = _row(wording.named(kind), "pair_accuracy", before.kinds.get(kind) if before else None, scores)
        rows.append(row | {"change": _kind_change(change, kind), "blind": _share(after.text_only.get(kind))})
    ties = after.overall.counts.get("ties", 0)
    return {
        "title": f"Judged on {after.data}",
        "n": len(after.items),
        "images": after.images,
        "before": None if before is None else before.model,
        "rows": rows,
        "ties": f"Of these pairs {ties:,} are ties." if ties else "",
        "kept": [*_kept(before, after, "recognition"), *_kept(before, after, "retrieval")],
    }


def _row(name: str, metric: str, before: Scores | None, after: Scores) -> dict[str, Any]:
    found = after.estimates[metric]
    return {
        "name": name,
        "n": found.n,
        "before": _share(before.estimates.get(metric) if before else None),
        "after": _share(found),
    }


def _kind_change(change: Comparison | None, kind: str) -> str:
    found = change.kinds.get(kind) if change else None
    return _points(found.change if found else None)


def _kept(before: Evaluation | None, after: Evaluation, task: str) -> list[dict[str, Any]]:
    """Rows of recognition or retrieval; the base's only where it was the same task."""
    mine: Mapping[str, Any] | None = getattr(after, task)
    theirs: Mapping[str, Any] | None = getattr(before, task) if before else None
    if mine is None:
        return []

    same = same_task(theirs, mine)
    return [
        {
            "name": wording.named(name),
            "n": value.n,
            "before": _share(theirs.get(name) if same and theirs else None),
            "after": _share(value),
        }
        for name, value in mine.items()
        if isinstance(value, Estimate)
    ]


def _share(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{wording.percent(estimate.value)} {wording.interval(estimate)}".replace(wording.GLUE, " ")


def _points(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{wording.points(estimate.value)} {wording.span(estimate)}"


def _plain(value: object) -> str:
    """A stranger's text as Markdown that shows it as it is, in one table cell."""
    one_line = " ".join(str(value).split())
    escaped = re.sub(r"([\\`*_{}\[\]()#|~!])", r"\\\1", one_line)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(value: object) -> str:
    return "`" + " ".join(str(value).replace("`", "'").replace("|", "/").split()) + "`"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("hairsplit.report", "templates"),
        autoescape=False,  # noqa: S701 - Markdown, not HTML: what strangers wrote goes through `md` and `code`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"md": _plain, "code": _code}
    return made
