"""`hairsplit export` on the command line."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from hairsplit.core.errors import HairsplitError


def export(
    table: Annotated[Path, Argument(help="Pairs table.")],
    out: Annotated[Path, Option("--out", "-o", help="Folder for the shards, or file; must not exist yet.")],
    to: Annotated[str, Option(help="webdataset: tar shards. hnc, hnc_test: HNC's JSON.")] = "webdataset",
    images: Annotated[Path | None, Option(help="Folder of the pictures, if not the one the table names.")] = None,
    samples: Annotated[str, Option(help="images: all pairs of an image in one sample; pairs: one each.")] = "images",
    shard_megabytes: Annotated[int, Option(min=1, help="Size at which a shard is closed.")] = 256,
) -> None:
    """Write a pairs table and its pictures in a form that other programs stream."""
    from hairsplit import api

    shapes: dict[str, Literal["webdataset", "hnc", "hnc_test"]] = {
        "webdataset": "webdataset",
        "hnc": "hnc",
        "hnc_test": "hnc_test",
    }
    if to not in shapes:
        raise HairsplitError(f"cannot export to {to!r}", where="--to", hint=", ".join(shapes))
    if samples not in {"images", "pairs"}:
        raise HairsplitError(f"no sample is one of {samples!r}", where="--samples", hint="images or pairs")
    made = api.export(
        table,
        out,
        to=shapes[to],
        images=images,
        samples="pairs" if samples == "pairs" else "images",
        shard_megabytes=shard_megabytes,
    )
    typer.echo(str(made))
