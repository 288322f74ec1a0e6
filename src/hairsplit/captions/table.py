"""From scene graphs to a pairs table: two passes over the input, in bounded memory."""

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from hairsplit import __version__
from hairsplit.captions._choice import Choice, checked_shard, in_shard
from hairsplit.captions._garbage import no_collections
from hairsplit.captions._sorted import run_batches, sorted_runs
from hairsplit.captions._weak import refuse_evaluation
from hairsplit.captions.census import PORTION, Census, portions, read_census, take_census, write_census
from hairsplit.captions.generate import Plan, Settings, at_least_one
from hairsplit.captions.merge import CaptionsReport, Thinning, write_merged
from hairsplit.captions.partition import Job, captioned
from hairsplit.core.errors import HairsplitError
from hairsplit.core.progress import progress_bar
from hairsplit.core.run import file_hash, text_hash, writable
from hairsplit.core.tables import PairsMeta, relative_root
from hairsplit.core.types import Scene
from hairsplit.core.workers import streamed
from hairsplit.scenes import lexicon
from hairsplit.scenes.readers.gqa import ENDINGS, RawGraph, graph_files, raw_graphs


def prepare(
    graphs: Path,
    images: Path,
    settings: Settings,
    *,
    check_images: bool = False,
    split: str | None = None,
    exclude_image_ids: Collection[str] = (),
    source_of: Callable[[Scene], str | None] | None = None,
    corpus: Path | None = None,
    workers: int = 1,
) -> Job:
    """Make the first pass over all graphs: what every worker, shard and partition must know alike.

    Args:
        graphs: A file of scene graphs or a folder of such files; see `scenes.readers.gqa`.
        images: Images root.
        settings: What is wanted of a scene.
        check_images: Leave scenes out whose picture is not there.
        split: Only scenes of this split.
        exclude_image_ids: Images to leave out; they are not counted either.
        source_of: The source of a scene's rows; where it is None or says None, the name of `graphs`.
        corpus: Counts are read from this file if it exists, instead of the pass; else they are written to it.
        workers: Processes.

    Raises:
        HairsplitError: `graphs` is no GQA file, no scene is of the split, `corpus` is of another lexicon, or weak
            negatives are asked for of an evaluation split.
    """
    excluded = frozenset(exclude_image_ids)
    choice = Choice(images, check_images, split, excluded)
    if settings.weak_absence and split is not None:
        refuse_evaluation([split], graphs.name)
    census = _census(graphs, choice, corpus, workers)
    if settings.weak_absence and split is None:
        refuse_evaluation(census.corpora, graphs.name)
    files = graph_files(graphs)
    name = graphs.name
    for ending in sorted(ENDINGS, key=len, reverse=True):
        name = name.removesuffix(ending)
    config = {
        "generator": f"hairsplit captions {__version__}",
        "world": settings.world,
        "seed": settings.seed,
        "split": split,
        "families": settings.weights,
        "max_pairs_per_image": settings.max_pairs_per_image,
        "negatives_per_positive": settings.negatives_per_positive,
        "excluded_images": len(excluded),
        "complete_nouns": sorted(settings.complete),
        "lexicon_version": lexicon.LEXICON_VERSION,
        "lexicon_hash": lexicon.fingerprint(),
        "corpus_hash": census.fingerprint(),
    }
    if settings.weak_absence:
        config["weak_absence"] = True
    if excluded:
        config["excluded_images_hash"] = text_hash("\n".join(sorted(excluded)))
    sources = {file.name: file_hash(file) for file in files}
    return Job(Plan(settings, census.corpora), choice, name, source_of, config, sources, census.scenes)


def _census(graphs: Path, choice: Choice, corpus: Path | None, workers: int) -> Census:
    if corpus is not None and corpus.exists():
        next(raw_graphs(graphs), None)  # a missing or strange file is told before any work
        return read_census(corpus)
    census = take_census(raw_graphs(graphs), choice, workers=workers)
    if corpus is not None:
        write_census(corpus, census)
    return census


def write_captions(
    graphs: Path,
    images: Path | None,
    out: Path,
    *,
    workers: int = 1,
    split: str | None = None,
    exclude_image_ids: Collection[str] = (),
    corpus: Path | None = None,
    shard: tuple[int, int] | None = None,
    shard_size: int | None = None,
    thinning: Thinning | None = None,
    source_of: Callable[[Scene], str | None] | None = None,
    **wanted: Any,
) -> CaptionsReport:
    """Make pairs for the scenes of `graphs` and write them to `out`, sorted by image id.

    The table is the same for any number of workers, and for any order of graphs, objects, attributes and edges.

    Args:
        graphs: As in `prepare`, and so for `split`, `exclude_image_ids`, `corpus`, `source_of`.
        images: With it, scenes whose picture is not there are left out and counted.
        out: The table; must not exist.
        workers: Processes.
        split: See `graphs`.
        exclude_image_ids: See `graphs`.
        corpus: See `graphs`.
        shard: (i, n): only the images of the i-th of n parts, counted from 0; `merge.merge_tables` joins them.
        shard_size: Images a file: `out` is then a folder of tables, which together hold the rows of the one table.
        thinning: What to leave out of the table as a whole; None for the defaults. A shard is not thinned.
        source_of: See `graphs`.
        wanted: The fields of `Settings`: world, seed, families, ...

    Raises:
        HairsplitError: `out` exists, `images` does not, `graphs` is no GQA file, or nothing is left to write.
    """
    _check_numbers(workers, shard, shard_size)
    thinning = _thinning(thinning, shard)
    _check_folders(images, out)
    job = prepare(
        graphs,
        images or out.parent,
        Settings(**wanted),
        check_images=images is not None,
        split=split,
        exclude_image_ids=exclude_image_ids,
        source_of=source_of,
        corpus=corpus,
        workers=workers,
    )
    rejects: Counter[str] = Counter()
    meta = _meta(job, out, shard, rejects)
    chosen = (graph for graph in raw_graphs(graphs) if in_shard(graph.image_id, shard or (0, 1)))
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        with no_collections():
            runs = sorted_runs(_tables(job, chosen, rejects, workers), Path(folder))
        if not runs and shard is None:
            raise _nothing(graphs, job, split, rejects)
        streams = [(run.name, run_batches(run)) for run in runs]
        return _warned(job, write_merged(out, streams, meta, thinning=thinning, shard_size=shard_size))


def _warned(job: Job, made: CaptionsReport) -> CaptionsReport:
    """With a warning for each noun that is called complete and does not occur: most often a slip of the pen."""
    seen = {lexicon.singular(noun) for corpus in job.plan.corpora.values() for noun in corpus.nouns}
    missing = sorted(job.plan.settings.complete - seen)
    warnings = [f"--complete-nouns: no graph has {lexicon.article(noun)} {noun!r}" for noun in missing]
    return replace(made, warnings=[*made.warnings, *warnings]) if warnings else made


def _check_numbers(workers: int, shard: tuple[int, int] | None, shard_size: int | None) -> None:
    at_least_one("workers", workers)
    if shard_size is not None:
        at_least_one("shard_size", shard_size)
        if shard is not None:
            hint = "give --shard-size alone, or merge the shards"
            raise HairsplitError("a shard is one file", where="captions --shard --shard-size", hint=hint)


def _meta(job: Job, out: Path, shard: tuple[int, int] | None, rejects: Counter[str]) -> PairsMeta:
    config = job.config if shard is None else {**job.config, "shard": checked_shard(shard)}
    return PairsMeta(relative_root(out, job.choice.root), job.sources, config, {}, rejects)


def _thinning(wanted: Thinning | None, shard: tuple[int, int] | None) -> Thinning:
    if wanted is None:
        return Thinning() if shard is None else Thinning(None)
    wanted.check()
    if shard is not None:
        hint = "leave it to `hairsplit merge`"
        raise HairsplitError("a shard alone cannot be thinned or balanced", where="captions", hint=hint)
    return wanted


def _tables(job: Job, graphs: Iterator[RawGraph], rejects: Counter[str], workers: int) -> Iterator[pa.Table]:
    """The rows of all graphs, some at a time; reasons of what was left out go to `rejects`."""
    label = "captioning scenes"
    with progress_bar(label, job.scenes) as tick:
        for table, counted in streamed(captioned, job, portions(graphs, PORTION), workers=workers, label=label):
            tick(PORTION)
            rejects.update(counted)
            if table.num_rows:
                yield table


def _check_folders(images: Path | None, out: Path) -> None:
    if out.exists():
        raise HairsplitError("exists already; nothing was changed", where=str(out), hint="choose another --out")
    if images is not None and not images.is_dir():
        raise HairsplitError(
            "the images root does not exist",
            where=str(images),
            hint="name the folder that is there, or leave --images out",
        )
    writable(out.parent)


def _nothing(graphs: Path, job: Job, split: str | None, rejects: Counter[str]) -> HairsplitError:
    reasons = "; ".join(f"{number} x {reason}" for reason, number in rejects.most_common(8))
    unknown = "no reason was recorded" if job.scenes else "there is no graph in the input"
    hint = "check --images and the graphs" if split is None else "check --split, --images and the graphs"
    if job.plan.settings.world == "open":
        hint += "; complete graphs give more with --world closed"
    return HairsplitError(f"no pair could be made ({reasons or unknown})", where=str(graphs), hint=hint)
