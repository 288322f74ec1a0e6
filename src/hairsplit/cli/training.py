"""`hairsplit train` on the command line."""

import os
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted

_THESIS = "A YAML of the HNC thesis, unchanged; KEY=VALUE may be its keys or ours."


def train(
    words: Annotated[
        list[str] | None, Argument(metavar="[RUN.yaml] [KEY=VALUE]...", help="e.g. run.yaml lr=1e-5 steps=200")
    ] = None,
    out: Annotated[Path, Option("--out", "-o", help="Run folder; must not exist yet, unless --resume.")] = Path(
        "runs/train"
    ),
    resume: Annotated[bool, Option("--resume", help="Go on from the last state in --out.")] = False,
    thesis_config: Annotated[Path | None, Option("--thesis-config", metavar="FILE", help=_THESIS)] = None,
    compat: Annotated[bool, Option("--compat", help="With --thesis-config: repeat the thesis's numerics.")] = False,
) -> None:
    """Fine-tune a model on a pairs table."""
    from hairsplit import api  # here, so that --help does not load torch

    words = list(words or ())
    if thesis_config is not None:
        if words and "=" not in words[0]:
            message, hint = f"{words[0]!r} and --thesis-config are two configurations", "leave one of them out"
            raise HairsplitError(message, where="command line", hint=hint)
        summary = api.train_thesis(thesis_config, words, out, compat=compat, resume=resume, say=typer.echo)
    else:
        if compat:
            hint = "for a run of ours, set objective.compat=thesis"
            raise HairsplitError("means nothing without --thesis-config", where="--compat", hint=hint)
        file = Path(words.pop(0)) if words and "=" not in words[0] else None
        if file is None and resume:
            file = out / "config.yaml"
            if not file.is_file():
                raise HairsplitError("no run to resume", where=str(out), hint="start it without --resume")
        summary = api.train(api.read_config(file, words), out, resume=resume)
    if os.environ.get("RANK", "0") != "0":  # the first rank speaks for all
        return
    best = summary.best
    reached = f"best {best['metric']} {best['value']:.3f} at step {best['step']}; " if best else ""
    typer.echo(f"{counted(summary.steps, 'step')} in {summary.seconds:.0f} s; {reached}everything is in {out}")
    if summary.stopped is not None:
        typer.echo(f"stopped early: {summary.stopped}")
