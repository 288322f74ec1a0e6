"""`hairsplit captions --from-text` on the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from hairsplit.cli.arguments import echo_counts
from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted

_HINT = "hairsplit captions scene_graphs.json ..., or hairsplit captions --from-text captions.jsonl [--graphs FILE] ..."


def graphs_or_text(graphs: Path | None, from_text: Path | None, judging: Path | None, unfit: dict[str, Any]) -> Path:
    """The file that captions are made of: graphs, or captions alone.

    Args:
        graphs: The positional argument.
        from_text: `--from-text`.
        judging: `--graphs`.
        unfit: Options that only graphs go with, by name.

    Raises:
        HairsplitError: Neither graphs nor captions were given, or both, or options that do not go with them.
    """
    if from_text is None:
        if graphs is None:
            raise HairsplitError("neither scene graphs nor --from-text were given", where="captions", hint=_HINT)
        if judging is not None:
            raise HairsplitError("--graphs goes with --from-text only", where="captions", hint=_HINT)
        return graphs
    if graphs is not None:
        hint = f"to have {graphs} judge negatives of {from_text}, give it as --graphs {graphs}"
        raise HairsplitError("scene graphs and --from-text were both given", where="captions", hint=hint)
    for name, value in unfit.items():
        if value is not None:
            raise HairsplitError(
                f"{name} goes with scene graphs only", where="captions --from-text", hint="leave it out"
            )
    return from_text


def run_from_text(captions: Path, out: Path, **options: Any) -> None:
    """Make the table and say what is in it."""
    from hairsplit import api
    from hairsplit.captions.balance import balance_lines
    from hairsplit.captions.text_table import TextOptions

    made = api.captions_from_text(captions, out, TextOptions(**options))
    typer.echo(f"{counted(made.rows, 'pair')} of {counted(made.images, 'image')} in {out}")
    width = max(map(len, made.made))
    typer.echo(f"  {'rule':<{width}}{'made':>9}{'kept':>9}")
    for name, count in made.made.items():
        typer.echo(f"  {name:<{width}}{count:>9,}{made.kinds.get(name, 0):>9,}")
    echo_counts("pairs, by evidence:", made.evidence)
    echo_counts("left out, by reason:", made.rejects)
    for line in _balancing(made.balance, balance_lines):
        typer.echo(line)
    for warning in made.warnings:
        typer.echo(warning)
    if any(reason.startswith("row: ") for reason in made.rejects):
        typer.echo(f"rows left out are in {made.rejects_file}")


def _balancing(record: Sequence[Any], lines: Any) -> list[str]:
    if not record:
        return ["not balanced: a reader of the texts alone tells many pairs; see --balance"]
    return ["balancing, by rule and step:", *(f"  {line}" for line in lines(record))]
