"""`hairsplit import` on the command line."""

import os
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from hairsplit.cli.arguments import echo_counts, image_ids, names
from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted

_EXCLUDE = "Text file of image ids, or a pairs table, to leave out."
_CHECK = "decode each picture once, see only whether it exists, or none: look at no picture."
_VAL = "Share of the images that go to a second table, <out>.val.parquet."
_IMAGES = "Folder of the pictures; of hub and webdataset, where to put them (<out>_images)."
_COLUMN = "hub: which column is what, as in caption=text; may be given more than once."


def import_(
    format_name: Annotated[str, Argument(metavar="FORMAT", help="See `hairsplit list formats` and `list bundles`.")],
    annotations: Annotated[str, Argument(help="The annotation file; a data set (hub); shards (webdataset).")],
    out: Annotated[Path, Option("--out", "-o", help="Where the result goes; must not exist yet.")],
    images: Annotated[Path | None, Option(help=_IMAGES)] = None,
    kinds: Annotated[str | None, Option(help="Only these kinds, comma-separated.")] = None,
    limit: Annotated[int | None, Option(min=1, help="Stop after so many pairs.")] = None,
    exclude_images: Annotated[Path | None, Option(help=_EXCLUDE)] = None,
    drop: Annotated[str | None, Option(help="Leave out rows so marked in the file; hnc: noisy,ambiguous.")] = None,
    check_images: Annotated[str, Option(help=_CHECK)] = "decode",
    sample_images: Annotated[int | None, Option(min=1, help="Draw so many images.")] = None,
    per_image: Annotated[int | None, Option(min=1, help="Draw at most so many pairs of each image.")] = None,
    sample: Annotated[int | None, Option(min=1, help="Draw so many pairs in all.")] = None,
    val_share: Annotated[float | None, Option(help=_VAL)] = None,
    seed: Annotated[int, Option(help="Of everything random; the same seed gives the same bytes.")] = 0,
    workers: Annotated[int | None, Option(min=1, help="Processes, by default one per core; changes no byte.")] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace an existing table.")] = False,
    split: Annotated[str | None, Option(help="hub: split of the data set.")] = None,
    config: Annotated[str | None, Option(help="hub: configuration (subset) of the data set.")] = None,
    revision: Annotated[str | None, Option(help="hub: branch, tag or commit.")] = None,
    column: Annotated[list[str] | None, Option(metavar="WHAT=NAME", help=_COLUMN)] = None,
    download: Annotated[bool, Option("--download", help="hub: allow fetching the data set.")] = False,
) -> None:
    """Turn annotations of a known format and their pictures into a pairs table."""
    from hairsplit import api
    from hairsplit.core.catalog import nearest
    from hairsplit.data.importing import CHECKS, Draw

    if check_images not in CHECKS:
        message = f"no check is called {check_images!r}"
        raise HairsplitError(message, where="--check-images", hint=nearest(check_images, tuple(CHECKS)))
    left_out = image_ids(exclude_images)
    made = api.import_(
        format_name,
        annotations,
        out,
        images=images,
        kinds=names(kinds),
        limit=limit,
        exclude_image_ids=left_out,
        drops=names(drop) or (),
        check_images=CHECKS[check_images],
        draw=Draw(seed=seed, images=sample_images, per_image=per_image, pairs=sample, val_share=val_share),
        overwrite=overwrite,
        workers=workers or min(8, os.cpu_count() or 1),
        part=_part(split, config, revision, column or [], download=download),
    )
    typer.echo(str(made))
    echo_counts("pairs, by kind:", made.kinds)
    if exclude_images is not None and "excluded_image" not in made.rejects:
        typer.echo(f"no row is of the {counted(len(left_out), 'image')} to leave out that {exclude_images} names")


def _part(
    split: str | None, config: str | None, revision: str | None, columns: list[str], *, download: bool
) -> dict[str, object]:
    """The options that only data sets with pictures of their own have, as far as they were given."""
    told = {}
    for text in columns:
        meaning, equals, name = text.partition("=")
        if not equals or not name:
            raise HairsplitError(f"{text!r} names no column", where="--column", hint="as in --column caption=text")
        told[meaning] = name
    given = {"split": split, "config": config, "revision": revision, "columns": told, "download": download}
    return {name: value for name, value in given.items() if value}
