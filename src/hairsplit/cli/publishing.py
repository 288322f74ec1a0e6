"""`hairsplit report` and `hairsplit push` on the command line: what others are shown of a model."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hairsplit.core.errors import HairsplitError

_ONLY_CARD = "means nothing without --card"


def report(
    folders: Annotated[list[Path], Argument(metavar="RUN...", help="Evaluation and run folders, the baseline first.")],
    out: Annotated[
        Path | None, Option("--out", "-o", help="The HTML file, report.html unless told; replaced if it exists.")
    ] = None,
    title: Annotated[str | None, Option(help="Heading of the page.")] = None,
    card: Annotated[
        Path | None, Option(metavar="MODEL", help="Write this model's card instead, README.md in its folder.")
    ] = None,
    licence: Annotated[str | None, Option("--license", help="With --card: of the weights, as on the hub.")] = None,
    data_licence: Annotated[str | None, Option("--data-license", help="With --card: of the training data.")] = None,
    base: Annotated[str | None, Option(help="With --card: what it was fine-tuned from, if the run cannot say.")] = None,
) -> None:
    """Write one self-contained HTML page: gain beside forgetting, curves, best and worst items with pictures."""
    from hairsplit import api

    if card is not None:
        for option, value in (("--out", out), ("--title", title)):
            if value is not None:
                raise HairsplitError("means nothing with --card", where=option, hint="leave one of the two out")
        written = api.report(folders, card=card, licence=licence, data_licence=data_licence, base=base)
        typer.echo(f"read {written}")
        return
    for option, value in (("--license", licence), ("--data-license", data_licence), ("--base", base)):
        if value is not None:
            raise HairsplitError(_ONLY_CARD, where=option, hint="add --card MODEL")
    typer.echo(f"open {api.report(folders, out or Path('report.html'), title=title)}")


def push(
    model: Annotated[Path, Argument(help="A transformers folder, or a run, whose best checkpoint is meant.")],
    to: Annotated[str, Argument(metavar="REPOSITORY", help="USER/NAME on the hub; or a folder: ./DIR, file://DIR.")],
    public: Annotated[bool, Option("--public", help="Make a new repository public.")] = False,
    message: Annotated[str | None, Option(help="Of the commit.")] = None,
    without_card: Annotated[bool, Option("--without-card", help="Push a model that has no README.md.")] = False,
) -> None:
    """Give a model to others: its folder to a repository of the hub, checked after it has arrived."""
    from hairsplit import api

    typer.echo(api.push(model, to, public=public, message=message, without_card=without_card))
