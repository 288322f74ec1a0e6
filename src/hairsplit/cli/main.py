"""The command line: arguments, one call of `hairsplit.api`, what came of it."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hairsplit import __version__
from hairsplit.cli.arguments import BASE, WISE_FT
from hairsplit.cli.audit import audit
from hairsplit.cli.captioning import captions, merge
from hairsplit.cli.comparing import compare
from hairsplit.cli.evaluate import evaluate
from hairsplit.cli.explaining import explain
from hairsplit.cli.exporting import export
from hairsplit.cli.failures import Verbs, fail, from_system
from hairsplit.cli.importing import import_
from hairsplit.cli.publishing import push, report
from hairsplit.cli.training import train
from hairsplit.core.errors import HairsplitError

app = typer.Typer(
    name="hairsplit",
    cls=Verbs,
    help="Teach CLIP-like models to tell a true caption from a hard negative one, and measure what that costs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="The training configuration: its schema, or a file as it is understood.")
app.add_typer(config_app, name="config", no_args_is_help=True)

Out = Annotated[Path, Option("--out", "-o", help="Where the result goes; must not exist yet.")]
Seed = Annotated[int, Option(help="Of everything random; the same seed gives the same bytes.")]
Workers = Annotated[int, Option(min=1, help="Processes; changes no byte of the result.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"hairsplit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
    _local_rank: Annotated[int | None, Option("--local_rank", hidden=True)] = None,
) -> None:
    """`--local_rank` is put there by DeepSpeed's launcher, which says the same in the environment."""


@app.command()
def demo(
    out: Out = Path("demo"),
    long: Annotated[
        bool, Option("--long", help="More scenes and steps, all of it learns: two and a half hours.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Walk the whole road on drawn scenes: draw, caption, evaluate, fine-tune, evaluate again, report."""
    from hairsplit import api  # here and below, so that --help does not load torch

    page = api.demo(out, long=long, seed=seed, say=typer.echo)
    typer.echo(f"open {page}")


@app.command()
def draw(
    out: Out,
    count: Annotated[int, Option(help="Scenes: 80 % train, 10 % val, 10 % test.")] = 2_000,
    seed: Seed = 0,
    size: Annotated[int, Option(help="Side of a picture, pixels.")] = 64,
    max_things: Annotated[int, Option(help="Most objects of a scene, 1 to 4.")] = 4,
    recognition: Annotated[int, Option(help="Pictures per class of the recognition set (64 classes).")] = 10,
    workers: Workers = 1,
) -> None:
    """Draw scenes of coloured shapes, with their whole truth as scene graphs."""
    from hairsplit import api

    made = api.draw(
        out, count=count, seed=seed, size=size, max_things=max_things, recognition=recognition, workers=workers
    )
    typer.echo(str(made))


app.command()(captions)
app.command()(merge)
app.command(name="import")(import_)
app.command()(export)


app.command()(train)
app.command()(evaluate)
app.command()(compare)
app.command()(explain)
app.command()(audit)
app.command()(report)
app.command()(push)


@app.command()
def convert(
    source: Annotated[str, Argument(help="A model, as for evaluate; FILE@gelu names a state dict's activation.")],
    target: Annotated[Path, Argument(help="File or folder to write; must not exist yet.")],
    to: Annotated[str, Option(help="transformers, openai or open_clip.")],
    activation: Annotated[str | None, Option(help="gelu or quick_gelu, for a state dict that does not say.")] = None,
    wise_ft: Annotated[float | None, Option("--wise-ft", metavar="ALPHA", help=WISE_FT)] = None,
    base: Annotated[str | None, Option(help=BASE)] = None,
) -> None:
    """Write a model in another layout, read it back and compare."""
    from hairsplit import api
    from hairsplit.core.catalog import nearest

    layouts: dict[str, api.Layout] = {"transformers": "transformers", "openai": "openai", "open_clip": "open_clip"}
    if to not in layouts:
        raise HairsplitError(f"no layout is called {to!r}", where="--to", hint=nearest(to, tuple(layouts)))
    typer.echo(api.convert(source, target, to=layouts[to], activation=activation, wise_ft=wise_ft, base=base))


@app.command(name="list")
def list_(
    what: Annotated[str | None, Argument(help="losses, formats, benchmarks, ..., or one benchmark.")] = None,
) -> None:
    """Show what can be chosen, with one line each."""
    from hairsplit import api

    for title, rows in api.list_(what).items():
        typer.echo(f"{title}:")
        width = max(len(name) for name, _ in rows)
        for name, line in rows:
            typer.echo(f"  {name:<{width}}  {line}")


@config_app.command()
def schema() -> None:
    """Print every key with its default and meaning."""
    from hairsplit.cli.tables import schema_lines

    for line in schema_lines():
        typer.echo(line)


@config_app.command()
def show(words: Annotated[list[str] | None, Argument(metavar="[RUN.yaml] [KEY=VALUE]...")] = None) -> None:
    """Print a configuration as it is understood, defaults filled in."""
    import yaml
    from pydantic import TypeAdapter

    from hairsplit import api
    from hairsplit.train.config import TrainConfig

    words = list(words or ())
    file = Path(words.pop(0)) if words and "=" not in words[0] else None
    tree = TypeAdapter(TrainConfig).dump_python(api.read_config(file, words), mode="json")
    typer.echo(yaml.safe_dump(tree, sort_keys=False), nl=False)


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake, or a full disk, is one clear message, not a traceback.

    Args:
        words: Arguments; None: those of the process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no tau is no reason to fail
    try:
        app(args=None if words is None else list(words), prog_name="hairsplit")
    except HairsplitError as error:
        fail(error)
    except OSError as error:
        fail(from_system(error))
