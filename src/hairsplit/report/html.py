"""One self-contained HTML page from what the commands left: no script, no network, same inputs same bytes."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file
from hairsplit.report import wording
from hairsplit.report.benchmark_folder import tables
from hairsplit.report.compare_view import comparison_view
from hairsplit.report.comparison import group_by_data
from hairsplit.report.pictures import Gallery
from hairsplit.report.reading import read_folders
from hairsplit.report.views import group_view, run_view


def write_report(folders: Sequence[Path], out: Path, *, title: str | None = None) -> Path:
    """Write one HTML page about evaluations, comparisons and runs; returns `out`.

    The first evaluation is the baseline ("before"). Evaluations of equal data hash are compared item by item; those of
    other data are shown in a part of their own. Sub folders of a run that are evaluations are read too.

    Args:
        folders: Written by `hairsplit evaluate`, `hairsplit compare` and `hairsplit train`, the baseline first.
        out: The HTML file; replaced if it exists.
        title: Heading of the page; by default it names the data.

    Raises:
        HairsplitError: Nothing to report on, a torn or foreign file, or `out` cannot be written.
    """
    if out.is_dir():
        raise HairsplitError("is a folder", where=str(out), hint="name a file, as in --out report.html")
    material = read_folders(folders).without_between()
    groups = group_by_data(material.evaluations)
    gallery = Gallery()
    parts = [group_view(group, number, gallery) for number, group in enumerate(groups)]
    runs = [run_view(run, number) for number, run in enumerate(material.runs)]
    benchmarks = tables(material.benchmarks)
    compared = [comparison_view(one, number) for number, one in enumerate(material.comparisons)]
    if title is None:
        names = [
            *(g.before.data for g in groups),
            *(b.first.name for b in benchmarks),
            *(r.label for r in material.runs),
            *(c.label for c in material.comparisons),
        ]
        title = f"{'What training changed' if groups and groups[0].comparisons else 'Report'}: {names[0]}"
    template = environment().get_template("report.html.j2")
    shown = {"parts": parts, "runs": runs, "benchmarks": benchmarks, "comparisons": compared}
    page = template.render(title=title, missing=gallery, **shown)
    with atomic_file(out) as temporary:
        temporary.write_text(page, "utf-8")
    return out


@cache
def environment() -> Environment:
    """The templates of all pages, with the filters that word their numbers."""
    made = Environment(
        loader=PackageLoader("hairsplit.report", "templates"),
        autoescape=True,  # captions, names and configs are strangers' text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in (
        "percent",
        "points",
        "interval",
        "span",
        "cosine",
        "cosine_interval",
        "p_value",
        "duration",
        "plain",
        "named",
        "verdict",
        "told",
    ):
        made.filters[name] = getattr(wording, name)
    return made
