"""`hairsplit captions` and `hairsplit merge` on the command line."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hairsplit.cli.arguments import echo_counts, image_ids, names, shard_of, text_lines
from hairsplit.cli.from_text import graphs_or_text, run_from_text
from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted

if TYPE_CHECKING:
    from hairsplit.captions.merge import CaptionsReport

Out = Annotated[Path, Option("--out", "-o", help="The pairs table; must not exist yet.")]
Share = Annotated[
    float | None,
    Option(min=0, max=1, help="Most of the pairs that may speak of left and right; 0.4 if not given, 1 for all."),
]
Balance = Annotated[bool, Option("--balance", help="Leave out pairs until no blind reader tells the two sides apart.")]

Graphs = Annotated[Path | None, Argument(help="Scene graphs in GQA layout: .json or .jsonl, .gz or not, or a folder.")]
Families = Annotated[
    str | None, Option(help="Comma-separated; see `hairsplit list families`, with --from-text `hairsplit list rules`.")
]
Exclude = Annotated[Path | None, Option(help="Text file of image ids, or a pairs table, to leave out.")]
Complete = Annotated[Path | None, Option(help="Text file of nouns of which every thing is annotated, one a line.")]
Weak = Annotated[
    bool, Option("--weak-absence", help="Some negatives rest on what is not annotated; of the train split only.")
]
ShardSize = Annotated[
    int | None, Option(min=1, help="Images a file: --out is then a folder of tables, which `hairsplit merge` joins.")
]
Corpus = Annotated[Path | None, Option(help="Counts over all graphs: read if the file exists, else written to it.")]
FromText = Annotated[Path | None, Option(help="Instead of graphs: .jsonl or .csv of image and caption(s), or a table.")]
Judging = Annotated[
    Path | None, Option("--graphs", help="With --from-text: graphs of the same images, to judge negatives by.")
]


def captions(
    out: Out,
    graphs: Graphs = None,
    images: Annotated[Path | None, Option(help="Folder of the pictures; scenes without one are counted.")] = None,
    world: Annotated[str, Option(help="open: what is not annotated is unknown. closed: it is false.")] = "open",
    seed: Annotated[int, Option(help="Of everything random; the same seed gives the same bytes.")] = 0,
    workers: Annotated[int, Option(min=1, help="Processes; changes no byte of the result.")] = 1,
    split: Annotated[str | None, Option(help="Only scenes of this split.")] = None,
    families: Families = None,
    max_pairs: Annotated[int, Option(min=1, help="Most pairs of an image.")] = 32,
    negatives: Annotated[int, Option(min=1, help="Hard negatives per true caption.")] = 1,
    exclude_images: Exclude = None,
    complete_nouns: Complete = None,
    weak_absence: Weak = False,
    left_right: Share = None,
    balance: Balance = False,
    shard: Annotated[str | None, Option(help="i/n: only this part of the images, for `hairsplit merge`.")] = None,
    shard_size: ShardSize = None,
    corpus: Corpus = None,
    from_text: FromText = None,
    judging: Judging = None,
) -> None:
    """Make pairs of a true caption and a provably false one from scene graphs, or from captions by rule."""
    _share_memory()
    from hairsplit import api

    if world not in {"open", "closed"}:
        raise HairsplitError(f"no world is called {world!r}", where="--world", hint="open or closed")
    unfit = {"--complete-nouns": complete_nouns, "--left-right": left_right, "--shard": shard, "--corpus": corpus}
    unfit |= {"--shard-size": shard_size, "--weak-absence": weak_absence or None}
    source = graphs_or_text(graphs, from_text, judging, unfit)
    shared: dict[str, Any] = {
        "images": images,
        "world": world,
        "seed": seed,
        "workers": workers,
        "split": split,
        "max_pairs_per_image": max_pairs,
        "exclude_image_ids": image_ids(exclude_images),
        "balance": balance,
    }
    if from_text is not None:
        run_from_text(source, out, rules=names(families), negatives_per_rule=negatives, graphs=judging, **shared)
        return
    made = api.captions(
        source,
        out,
        families=names(families),
        negatives_per_positive=negatives,
        complete_nouns=text_lines(complete_nouns, "nouns"),
        weak_absence=weak_absence,
        left_right_share=left_right,
        shard=shard_of(shard),
        shard_size=shard_size,
        corpus=corpus,
        **shared,
    )
    _echo(made, out)


def merge(
    parts: Annotated[
        list[Path], Argument(metavar="PART...", help="The tables of all shards of a run, or their folder.")
    ],
    out: Out,
    left_right: Share = None,
    balance: Balance = False,
) -> None:
    """Make one table of those that `hairsplit captions --shard` made: the same as in one run."""
    from hairsplit import api

    _echo(api.merge(parts, out, left_right_share=left_right, balance=balance), out)


def _share_memory() -> None:
    """Let Arrow take its memory where Python does, from the C library, unless the user chose another place.

    It heeds the variable when it is loaded. Its own allocator gives the pages of each small table back to the system
    and asks for them anew, which took 3 % of all time, and a fifth more memory.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _echo(made: "CaptionsReport", out: Path) -> None:
    typer.echo(f"{counted(made.rows, 'pair')} of {counted(made.images, 'image')} in {out}")
    echo_counts("pairs, by kind:", made.kinds)
    echo_counts("left out, by reason:", made.rejects)
    if made.balance:
        from hairsplit.captions.balance import balance_lines

        typer.echo("balancing, by family and step:")
        for line in balance_lines(made.balance):
            typer.echo(f"  {line}")
    for warning in made.warnings:
        typer.echo(warning)
