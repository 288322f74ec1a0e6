"""What an import is asked to do, and whether it can be done."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import check_root
from hairsplit.data._admit import Rules
from hairsplit.data._draw import Draw
from hairsplit.data._pictures import Pictures
from hairsplit.data.formats import FORMATS


@dataclass(frozen=True)
class Job:
    """What is needed to make blocks of the annotation file, in this process or another one."""

    format_name: str
    annotations: Path
    rules: Rules
    pictures: Pictures
    threads: int
    """That decode pictures in this process."""
    limit: int | None


@dataclass(frozen=True)
class Target:
    """What is to be written."""

    out: Path
    root: str
    config: Mapping[str, Any]
    draw: Draw

    @property
    def rejects(self) -> Path:
        return self.out.with_name(f"{self.out.stem}.rejects.jsonl")

    @property
    def val(self) -> Path | None:
        return None if self.draw.val_share is None else self.out.with_name(f"{self.out.stem}.val{self.out.suffix}")

    def files(self) -> list[Path]:
        return [self.out, *([self.val] if self.val else []), self.rejects]


def rules_of(
    kinds: Collection[str] | None,
    excluded: Collection[str],
    drops: Collection[str],
    over_long: Callable[[str], bool] | None,
    draw: Draw,
) -> Rules:
    """What a row must be like."""
    return Rules(
        kinds=None if kinds is None else frozenset(kinds),
        excluded=frozenset(excluded),
        drops=frozenset(drops),
        over_long=over_long,
        seed=draw.seed if draw.wanted else None,
    )


def settings_of(job: Job, draw: Draw) -> dict[str, Any]:
    """For the metadata of the tables: all that decides which rows they hold."""
    rules = job.rules
    return {
        "format": job.format_name,
        "kinds": None if rules.kinds is None else sorted(rules.kinds),
        "excluded_images": len(rules.excluded),
        "drops": sorted(rules.drops),
        "check_images": job.pictures.check,
        "limit": job.limit,
        **draw.settings(),
    }


def check_limit(limit: int | None) -> None:
    """Refuse a limit that leaves nothing.

    Raises:
        HairsplitError: It is below 1.
    """
    if limit is not None and limit < 1:
        raise HairsplitError(f"limit is {limit}", where="import", hint="at least 1, or leave it out")


def check_free(out: Path, *, overwrite: bool) -> None:
    """Refuse a table that is in the way.

    Raises:
        HairsplitError: It exists and is not to be replaced, or is a folder.
    """
    if out.is_dir() or (out.exists() and not overwrite):
        hint = "choose another --out, or overwrite it"
        raise HairsplitError("exists already; nothing was changed", where=str(out), hint=hint)


def check_choices(job: Job, draw: Draw) -> None:
    """Refuse what no file could give.

    Raises:
        HairsplitError: Unknown format or mark, or a number out of range.
    """
    format_name, rules, limit = job.format_name, job.rules, job.limit
    known = FORMATS[format_name].drops  # an unknown format is the first thing to hear of
    for mark in sorted(rules.drops - set(known)):
        hint = nearest(mark, known) if known else "leave it out"
        raise HairsplitError(f"{format_name} files carry no mark {mark!r}", where="import", hint=hint)
    check_limit(limit)
    draw.check()


def check_places(job: Job, outputs: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse files and folders that are not there, or that are in the way.

    Raises:
        HairsplitError: No annotation file or images folder; an output exists, or is the annotation file.
    """
    annotations = job.annotations
    images = None if job.pictures.check == "none" else job.pictures.root
    if not annotations.is_file():
        what = "is a folder" if annotations.is_dir() else "no such annotation file"
        raise HairsplitError(what, where=str(annotations), hint="give the annotation file of the data set")
    if images is not None:
        check_root(images)
    for out in outputs:
        if out.exists() and out.samefile(annotations):
            raise HairsplitError("would replace the annotation file", where=str(out), hint="choose another --out")
    for out in outputs[:-1]:
        check_free(out, overwrite=overwrite)
