"""`hairsplit import`: annotations with pictures beside them, or data sets that bring their own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hairsplit._verbs.bundle import is_bundle, run_bundle_import
from hairsplit.core.errors import HairsplitError
from hairsplit.data.importing import Check, Draw, ImportReport, import_pairs
from hairsplit.encoders.tokens import Tokenizer


def run_import(
    name: str,
    source: str,
    out: Path,
    *,
    images: Path | None,
    drops: Sequence[str],
    check_images: Check,
    part: Mapping[str, Any],
    kinds: Sequence[str] | None,
    limit: int | None,
    exclude_image_ids: Sequence[str],
    draw: Draw | None,
    overwrite: bool,
    workers: int | None,
) -> ImportReport:
    """See `hairsplit.api.import_`."""
    shared: dict[str, Any] = {
        "kinds": kinds,
        "limit": limit,
        "exclude_image_ids": exclude_image_ids,
        "draw": draw,
        "overwrite": overwrite,
        "workers": workers,
    }
    if is_bundle(name):
        unfit = {"drops": drops, "check_images": check_images != "decode"}
        return run_bundle_import(name, source, out, images=images, unfit=unfit, part=part, **shared)
    if part:
        raise HairsplitError(f"{next(iter(part))} means nothing for {name}", where="import", hint="leave it out")
    if images is None:
        raise HairsplitError("the images folder is missing", where="import", hint="say where: --images DIR")
    return import_pairs(
        name,
        Path(source),
        images,
        out,
        over_long=Tokenizer().is_over_long,
        drops=drops,
        check_images=check_images,
        **shared,
    )
