"""`export`: a pairs table in the shape that another program reads."""

from pathlib import Path
from typing import Any

from hairsplit.core.errors import HairsplitError
from hairsplit.data.hnc_export import SHAPES, HncReport, export_hnc
from hairsplit.data.shards import ExportReport, export_webdataset


def run_export(table: Path, out: Path, to: str, **for_shards: Any) -> ExportReport | HncReport:
    """Write `table` as shards or in a shape of HNC's; only shards hold pictures, and have options.

    Raises:
        HairsplitError: No such shape.
    """
    if to == "webdataset":
        return export_webdataset(table, out, **for_shards)
    for shape in SHAPES:
        if to == shape:
            return export_hnc(table, out, to=shape)
    raise HairsplitError(f"cannot export to {to!r}", where="export", hint=f"webdataset, {', '.join(SHAPES)}")
