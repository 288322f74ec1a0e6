"""One function per verb; the command line and the workbench are shells over these."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import World

if TYPE_CHECKING:  # torch and friends are loaded by the verbs that need them
    from hairsplit.captions.table import CaptionsReport
    from hairsplit.data.importing import ImportReport
    from hairsplit.encoders.dual_encoder import DualEncoder
    from hairsplit.scenes.drawing.write import DrawReport
    from hairsplit.train.config import TrainConfig
    from hairsplit.train.loop import Summary

Layout = Literal["transformers", "openai", "open_clip"]

__all__ = ["captions", "convert", "demo", "draw", "evaluate", "import_", "list_", "read_config", "report", "train"]


def draw(
    out: Path,
    *,
    count: int = 2_000,
    seed: int = 0,
    size: int = 64,
    max_things: int = 4,
    recognition: int = 10,
    hold_out: bool = True,
    workers: int = 1,
    tick: Callable[[int], None] | None = None,
) -> "DrawReport":
    """Draw scenes of coloured shapes: pictures, scene graphs, captions and a recognition set; see `drawing.write`."""
    from hairsplit.scenes.drawing import write
    from hairsplit.scenes.drawing.sample import DrawnWorld

    world = DrawnWorld(size=size, max_things=max_things, hold_out=hold_out)
    return write.draw(out, count=count, seed=seed, world=world, recognition=recognition, workers=workers, tick=tick)


def captions(
    graphs: Path,
    out: Path,
    *,
    images: Path | None = None,
    world: World = "open",
    seed: int = 0,
    workers: int = 1,
    split: str | None = None,
    families: Mapping[str, float] | Sequence[str] | None = None,
    max_pairs_per_image: int = 32,
    negatives_per_positive: int = 1,
    exclude_image_ids: Sequence[str] = (),
) -> "CaptionsReport":
    """Make true captions and provably false hard negatives of scene graphs; see `captions.table.write_captions`."""
    from hairsplit.captions.generate import drawn_source
    from hairsplit.captions.table import write_captions

    return write_captions(
        graphs,
        images,
        out,
        world=world,
        seed=seed,
        workers=workers,
        split=split,
        families=families,
        max_pairs_per_image=max_pairs_per_image,
        negatives_per_positive=negatives_per_positive,
        exclude_image_ids=exclude_image_ids,
        source_of=drawn_source,
    )


def import_(
    format_name: str,
    annotations: Path,
    out: Path,
    *,
    images: Path,
    kinds: Sequence[str] | None = None,
    limit: int | None = None,
    exclude_image_ids: Sequence[str] = (),
    overwrite: bool = False,
) -> "ImportReport":
    """Turn annotations of a known format and their pictures into a pairs table; see `data.importing.import_pairs`."""
    from hairsplit.data.importing import import_pairs
    from hairsplit.encoders.tokens import Tokenizer

    return import_pairs(
        format_name,
        annotations,
        images,
        out,
        over_long=Tokenizer().is_over_long,
        kinds=kinds,
        limit=limit,
        exclude_image_ids=exclude_image_ids,
        overwrite=overwrite,
    )


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


def evaluate(
    model: "str | Path | DualEncoder",
    on: Path,
    out: Path,
    *,
    images: Path | None = None,
    recognition: Path | None = None,
    retrieval: Path | None = None,
    retrieval_split: str | None = None,
    seed: int = 0,
    device: str | None = None,
) -> dict[str, Any]:
    """Judge a model on a pairs table; returns what is written to `out`/metrics.json.

    Args:
        model: 'tiny', a run or transformers folder, OpenAI or open_clip weights, a hub id; or a loaded encoder.
        on: Pairs table.
        out: Folder for scores.parquet, metrics.csv and metrics.json; must not exist or be empty.
        images: Images root, if not the one that the table names.
        recognition: Folder with one sub folder of pictures per class, for zero-shot classification.
        retrieval: JSON-lines file of {image, captions}, below whose folder (or its images/) the pictures lie.
        retrieval_split: Only rows with this `split` or `set`.
        seed: Of random negatives and bootstrap.
        device: Such as 'cuda:0'; None: a GPU if there is one.
    """
    from hairsplit._verbs.evaluate import run_evaluation

    return run_evaluation(
        model,
        on,
        out,
        images=images,
        recognition=recognition,
        retrieval=retrieval,
        retrieval_split=retrieval_split,
        seed=seed,
        device=device,
    )


def report(folders: Sequence[Path], out: Path, *, title: str | None = None) -> Path:
    """Write one self-contained HTML page about evaluation and run folders; the first evaluation is the baseline."""
    from hairsplit.report.html import write_report

    return write_report(folders, out, title=title)


def convert(source: str | Path, target: Path, *, to: Layout, activation: str | None = None) -> str:
    """Write a model in another layout, read it back, and compare; returns the sentence that says so.

    Raises:
        HairsplitError: The target exists, the model cannot be written in that layout, or it reads back differently.
    """
    from hairsplit._verbs.convert import run_conversion

    return run_conversion(source, target, to=to, activation=activation)


def demo(out: Path, *, long: bool = False, seed: int = 0, say: Callable[[str], None] = lambda _line: None) -> Path:
    """The whole road on drawn scenes: draw, caption, evaluate `tiny`, fine-tune, evaluate again, report.

    Returns the report's path; `say` is told, line by line, what happens.
    """
    from hairsplit._verbs.demo import run_demo

    return run_demo(out, long=long, seed=seed, say=say)


def list_(what: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """Names and one-line descriptions of what can be chosen: losses, objectives, formats, families.

    Raises:
        HairsplitError: No such list.
    """
    from hairsplit._verbs.listing import listing

    known = listing()
    if what is not None and what not in known:
        from hairsplit.core.catalog import nearest

        raise HairsplitError(f"nothing is listed under {what!r}", where="list", hint=nearest(what, tuple(known)))
    return known if what is None else {what: known[what]}
