"""What an import counts while it runs, and what it says in the end."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc

from hairsplit.core.errors import HairsplitError
from hairsplit.core.wording import counted
from hairsplit.data._admit import ASKED, Block
from hairsplit.data.formats import REASONS


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import kept and what it left out."""

    out: Path
    """The pairs table."""
    val: Path | None
    """The table of the images that were drawn for validation, if so asked."""
    rejects_file: Path
    """One JSON object {where, reason, detail} per row left out for a fault of its own; empty if there is none."""
    read: int
    """Rows of the annotation file that were looked at."""
    pairs: int
    images: int
    val_pairs: int
    val_images: int
    kinds: Mapping[str, int]
    """Kind -> pairs, in both tables."""
    rejects: Mapping[str, int]
    """Reason -> rows left out; the reasons are explained in `hairsplit.data.formats.REASONS`."""
    notes: Mapping[str, int]
    """Oddity -> rows that were kept in spite of it."""

    def __str__(self) -> str:
        lines = [
            f"{counted(self.pairs, 'pair')} of {counted(self.images, 'image')}, from {counted(self.read, 'row')}, "
            f"in {self.out}"
        ]
        if self.val is not None:
            others = counted(self.val_images, "other image")
            lines.append(f"{counted(self.val_pairs, 'pair')} of {others} in {self.val}")
        faults = {reason: count for reason, count in self.rejects.items() if reason not in ASKED}
        asked = {reason: count for reason, count in self.rejects.items() if reason in ASKED}
        if faults:
            lines.append(f"{counted(sum(faults.values()), 'row')} left out (see {self.rejects_file}):")
            lines += _counted(faults)
        if asked:
            lines.append(f"{counted(sum(asked.values()), 'row')} left out as you asked:")
            lines += _counted(asked)
        if self.notes:
            lines.append("kept, but worth knowing: " + ", ".join(f"{n:,} x {what}" for what, n in self.notes.items()))
        return "\n".join(lines)


@dataclass
class Contents:
    """What is in a table."""

    pairs: int = 0
    images: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, table: pa.Table) -> None:
        """Count some rows."""
        self.pairs += table.num_rows
        self.images.update(pc.unique(table["image"]).to_pylist())
        for entry in pc.value_counts(table["kind"]).to_pylist():
            self.kinds[entry["values"]] += entry["counts"]

    def counts(self) -> dict[str, int]:
        """For the metadata of the table."""
        return {"images": len(self.images), **{f"kind/{kind}": count for kind, count in sorted(self.kinds.items())}}


@dataclass
class Tally:
    """Counts of a running import; rejects go to their file at once."""

    file: TextIO
    read: int = 0
    kinds: set[str] = field(default_factory=set)
    """Kinds of all rows, kept or not."""
    rejects: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, block: Block) -> None:
        """Count what became of a block's rows."""
        self.read += block.read
        self.kinds |= block.kinds
        self.notes.update(what for _, what in block.notes)
        for _, row in block.rejects:
            self.rejects[row.reason] += 1
            if row.reason not in ASKED:
                entry = {"where": row.where, "reason": row.reason, "detail": row.detail}
                self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def counts(self) -> dict[str, int]:
        """For the metadata of the tables."""
        return {"read": self.read, **{f"note/{what}": count for what, count in sorted(self.notes.items())}}

    def report(self, out: Path, val: Path | None, rejects_file: Path, main: Contents, other: Contents) -> ImportReport:
        """What came of it."""
        return ImportReport(
            out=out,
            val=val,
            rejects_file=rejects_file,
            read=self.read,
            pairs=main.pairs,
            images=len(main.images),
            val_pairs=other.pairs,
            val_images=len(other.images),
            kinds=dict(sorted((main.kinds + other.kinds).items())),
            rejects=dict(sorted(self.rejects.items())),
            notes=dict(sorted(self.notes.items())),
        )


def nothing_left(tally: Tally, annotations: Path, images: Path, rejects_file: Path) -> HairsplitError:
    """The error of an import that kept no pair."""
    reasons = "\n".join(_counted(tally.rejects)) or "  the file has no rows"
    hints = []
    if tally.rejects.keys() - set(ASKED):
        hints.append(f"each row left out for a fault is in {rejects_file}")
    if "missing_image" in tally.rejects:
        hints.append(f"check the images folder {images}")
    return HairsplitError(
        f"no pair is left of {tally.read:,} rows; nothing was imported\n{reasons}",
        where=str(annotations),
        hint="; ".join(hints) or ("ask for other rows" if tally.read else "fetch it again"),
    )


def _counted(rejects: Mapping[str, int]) -> list[str]:
    return [f"  {n:>9,}  {reason}: {REASONS.get(reason, reason)}" for reason, n in sorted(rejects.items())]
