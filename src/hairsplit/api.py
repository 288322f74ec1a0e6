"""One function per verb; the command line and the workbench are shells over these."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hairsplit._explain_api import explain, explain_pairs
from hairsplit._table_api import audit, captions, captions_from_text, draw, export, import_, merge

if TYPE_CHECKING:  # torch and friends are loaded by the verbs that need them
    from hairsplit.encoders.dual_encoder import DualEncoder
    from hairsplit.train.config import TrainConfig
    from hairsplit.train.loop import Summary

Layout = Literal["transformers", "openai", "open_clip"]

__all__ = [
    "audit",
    "captions",
    "captions_from_text",
    "compare",
    "convert",
    "demo",
    "draw",
    "evaluate",
    "explain",
    "explain_pairs",
    "export",
    "import_",
    "interpolate",
    "list_",
    "merge",
    "push",
    "read_config",
    "report",
    "train",
    "train_thesis",
]


def read_config(path: Path | None, overrides: Sequence[str] = (), **fixed: Any) -> "TrainConfig":
    """A training configuration: defaults < YAML file < `fixed` < KEY=VALUE."""
    from hairsplit.core.config import load_config
    from hairsplit.train.config import TrainConfig

    return load_config(TrainConfig, path, overrides, **fixed)


def train(config: "TrainConfig", out: Path, *, resume: bool = False, quiet: bool = False) -> "Summary":
    """Fine-tune a model; everything about the run is in the folder `out`.

    Args:
        config: See `read_config`.
        out: Run folder; must not exist, unless `resume`.
        resume: Go on from the last state in `out`; the result is that of an uninterrupted run, bit for bit on CPU.
        quiet: Do not print what learns.

    Raises:
        HairsplitError: Bad input, a loss that is not finite, or an interruption.
    """
    from hairsplit._verbs.train import run_training

    return run_training(config, out, resume=resume, quiet=quiet)


def train_thesis(file: Path, words: Sequence[str], out: Path, **options: Any) -> "Summary":
    """Fine-tune as a YAML of the HNC thesis says; see `_verbs.thesis.run_thesis`."""
    from hairsplit._verbs.thesis import run_thesis

    return run_thesis(file, words, out, **options)


def evaluate(
    model: "str | Path | DualEncoder",
    on: str | Path,
    out: Path,
    *,
    data: Path | None = None,
    images: Path | None = None,
    allow_missing: bool = False,
    recognition: Path | None = None,
    retrieval: Path | None = None,
    retrieval_split: str | None = None,
    seed: int = 0,
    device: str | None = None,
    wise_ft: float | None = None,
    base: "str | Path | DualEncoder | None" = None,
) -> dict[str, Any]:
    """Judge a model on a pairs table or a benchmark; returns what is written to `out`.

    Args:
        model: 'tiny', a run or transformers folder, OpenAI or open_clip weights, a hub id; or a loaded encoder.
        on: Pairs table, or the name of a benchmark (see `list_("benchmarks")`).
        out: Folder for scores.parquet, metrics.csv and metrics.json, or benchmark.json and items.parquet; must not
            exist or be empty.
        data: Folder of a benchmark's annotation files.
        images: Images root, if not the one that the table names, or not `data`.
        allow_missing: Judge on those items of a benchmark whose files are there; the others are counted.
        recognition: Folder with one sub folder of pictures per class, for zero-shot classification.
        retrieval: JSON-lines file of {image, captions}, below whose folder (or its images/) the pictures lie.
        retrieval_split: Only rows with this `split` or `set`.
        seed: Of random negatives and bootstrap.
        device: Such as 'cuda:0'; None: a GPU if there is one.
        wise_ft: Judge (1 - wise_ft) base + wise_ft model instead, in weight space; see `interpolate`.
        base: With `wise_ft`; None: the model that the run `model` started from.
    """
    from hairsplit._verbs.benchmark import is_benchmark, no_benchmark, run_benchmark
    from hairsplit._verbs.evaluate import run_evaluation
    from hairsplit._verbs.interpolating import interpolated

    model = interpolated(model, wise_ft, base)
    shared: dict[str, Any] = {"images": images, "recognition": recognition, "retrieval": retrieval}
    shared |= {"retrieval_split": retrieval_split, "seed": seed, "device": device}
    if is_benchmark(on):
        return run_benchmark(model, str(on), out, data=data, allow_missing=allow_missing, **shared)
    no_benchmark(on, data, allow_missing=allow_missing)
    return run_evaluation(model, Path(on), out, **shared)


def compare(
    models: "Sequence[str | Path | DualEncoder]",
    on: Sequence[str | Path],
    out: Path,
    *,
    data: Path | None = None,
    images: Sequence[str | Path] = (),
    allow_missing: bool = False,
    recognition: Path | None = None,
    retrieval: Path | None = None,
    retrieval_split: str | None = None,
    cache: Path | None = None,
    cache_megabytes: int = 4_096,
    linear_probe: bool = False,
    wise_ft: Sequence[float] = (),
    pick: Literal["knee"] | None = None,
    seed: int = 0,
    device: str | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> dict[str, Any]:
    """Judge models side by side, the first being the base; returns what is written to `out`/compare.json.

    Everything is read and every model loaded once before any is judged. Each picture and text is encoded once for each
    model, whatever the number of suites; see `evaluate.embedding_cache`.

    Args:
        models: As for `evaluate`; at least two, each once.
        on: Suites: pairs tables, benchmarks, or "BENCHMARK=DIR" with the folder of its files.
        out: Folder for compare.json, compare.csv and scores/MODEL/SUITE; must not exist, or hold embeddings/ alone.
        data: Folder of the files of benchmarks that came without one, or of a sub folder for each.
        images: Folder of the pictures, for all suites, or "SUITE=DIR" for one of them.
        allow_missing: As for `evaluate`.
        recognition: As for `evaluate`; a suite of its own here.
        retrieval: As for `evaluate`; a suite of its own here.
        retrieval_split: As for `evaluate`.
        cache: Folder of embeddings, shared with other comparisons; None: `out`/embeddings.
        cache_megabytes: Of that folder at most; 0: embeddings are kept in memory only.
        linear_probe: Also logistic regression on the embeddings of the pictures of `recognition`.
        wise_ft: Judge (1 - alpha) base + alpha model, in weight space, of each other model too.
        pick: Write the model at the knee of each such curve to `out`/picked/MODEL.
        seed: Of random negatives and bootstrap.
        device: Such as 'cuda:0'; None: a GPU if there is one.
        say: Told a line for each model and suite.

    Raises:
        HairsplitError: Fewer than two models, one of them twice or missing; a suite misspelt; a missing or broken file.
    """
    from hairsplit._verbs.compare import run_comparison

    shared: dict[str, Any] = {"data": data, "images": images, "allow_missing": allow_missing, "retrieval": retrieval}
    shared |= {"recognition": recognition, "retrieval_split": retrieval_split, "linear_probe": linear_probe}
    shared |= {"cache": cache, "cache_megabytes": cache_megabytes, "wise_ft": wise_ft, "pick": pick}
    return run_comparison(models, on, out, **shared, seed=seed, device=device, say=say)


def report(
    folders: Sequence[Path],
    out: Path = Path("report.html"),
    *,
    title: str | None = None,
    card: Path | None = None,
    licence: str | None = None,
    data_licence: str | None = None,
    base: str | None = None,
) -> Path:
    """Write one self-contained HTML page about evaluation and run folders; the first evaluation is the baseline.

    Args:
        folders: Written by `evaluate` and `train`.
        out: The HTML file; replaced if it exists.
        title: Heading of the page.
        card: Write the card of this model (a transformers folder, or a run) instead: README.md in its folder, of those
            evaluations that are of its weights. `out` and `title` play no part then.
        licence: With `card`: of the weights, as the hub names it.
        data_licence: With `card`: of the training data.
        base: With `card`: what the model was fine-tuned from, if no run among the folders says it.

    Raises:
        HairsplitError: A folder holds nothing to report on; or none of them is about the weights of `card`.
    """
    if card is not None:
        from hairsplit._verbs.card import run_card

        return run_card(folders, card, licence=licence, data_licence=data_licence, base=base)
    from hairsplit.report.html import write_report

    return write_report(folders, out, title=title)


def push(model: Path, to: str, *, public: bool = False, message: str | None = None, without_card: bool = False) -> str:
    """Give a model's folder to a repository of the hub, or to another folder; returns where it is.

    Files that are no part of a model stay here. What arrived is compared with what is here.

    Args:
        model: A transformers folder, or a run folder, whose best checkpoint is meant.
        to: USER/NAME on the hub, which the caller is logged in to; or a folder: an absolute path, ./DIR, file://DIR.
        public: Whether all may see a repository that is made.
        message: Of the commit.
        without_card: Push a model without a README.md, too.

    Raises:
        HairsplitError: The model has no card or cannot be loaded, or the hub did not take it.
    """
    from hairsplit._verbs.push import run_push

    return run_push(model, to, public=public, message=message, without_card=without_card)


def interpolate(base: "DualEncoder", tuned: "DualEncoder", alpha: float) -> "DualEncoder":
    """The model (1 - alpha) base + alpha tuned in weight space (WiSE-FT); see `encoders.interpolate`."""
    from hairsplit.encoders.interpolate import interpolate as between

    return between(base, tuned, alpha)


def convert(source: str | Path, target: Path, *, to: Layout, **options: Any) -> str:
    """Write a model in another layout, read it back, and compare; returns the sentence that says so.

    `options`: activation of a state dict, wise_ft and base; see `_verbs.convert.run_conversion`.

    Raises:
        HairsplitError: The target exists, the model cannot be written in that layout, or it reads back differently.
    """
    from hairsplit._verbs.convert import run_conversion

    return run_conversion(source, target, to=to, **options)


def demo(out: Path, *, long: bool = False, seed: int = 0, say: Callable[[str], None] = lambda _line: None) -> Path:
    """The whole road on drawn scenes, from drawing to the report, whose path it returns; `say` is told each line."""
    from hairsplit._verbs.demo import run_demo

    return run_demo(out, long=long, seed=seed, say=say)


def list_(what: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """Names and one-line descriptions of what can be chosen: losses, objectives, formats, families, benchmarks.

    With the name of one benchmark, all that is known of it: items, chance, tie rule, licence, files and numbers.

    Raises:
        HairsplitError: No such list.
    """
    from hairsplit._verbs.listing import run_listing

    return run_listing(what)
