"""`hairsplit import hub` and `import webdataset`: data sets that bring their pictures with them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hairsplit.core.downloads import may_download
from hairsplit.core.errors import HairsplitError
from hairsplit.data.bundles import BUNDLES, Choice
from hairsplit.data.importing import Draw, ImportReport
from hairsplit.data.unpacking import import_bundle
from hairsplit.encoders.tokens import Tokenizer


def is_bundle(name: str) -> bool:
    """Whether a format is one that brings its pictures."""
    return name in BUNDLES.names()


def run_bundle_import(
    name: str,
    source: str,
    out: Path,
    *,
    images: Path | None,
    kinds: Sequence[str] | None,
    limit: int | None,
    exclude_image_ids: Sequence[str],
    unfit: Mapping[str, object],
    draw: Draw | None,
    overwrite: bool,
    workers: int | None,
    part: Mapping[str, Any],
) -> ImportReport:
    """See `hairsplit.api.import_`; `unfit` are options that have no meaning here, if they were given."""
    for option, value in unfit.items():
        if value:
            raise HairsplitError(f"{option} means nothing for {name}", where="import", hint="leave it out")
    download = bool(part.get("download")) or may_download()
    return import_bundle(
        name,
        source,
        out,
        choice=Choice(**{**part, "download": download}),
        images=images,
        over_long=Tokenizer().is_over_long,
        kinds=kinds,
        limit=limit,
        exclude_image_ids=exclude_image_ids,
        draw=draw,
        overwrite=overwrite,
        workers=workers,
    )
