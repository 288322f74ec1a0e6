"""Arguments that several verbs have in common, and how counts are shown."""

from collections.abc import Mapping
from pathlib import Path

import typer

from hairsplit.core.errors import HairsplitError

WISE_FT = "Take (1 - ALPHA) of the base's weights and ALPHA of the model's, 0 to 1, instead of the model."
BASE = "With --wise-ft: the model it was fine-tuned from; by default the one that the run started from."


def names(text: str | None) -> list[str] | None:
    """Comma-separated names; None where none were given."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def image_ids(path: Path | None) -> list[str]:
    """Image ids of a text file (one a line) or of a pairs table.

    Raises:
        HairsplitError: No such file, or neither of the two.
    """
    if path is None:
        return []
    if not path.is_file():
        raise HairsplitError("no such file", where=str(path), hint="a text file of ids, or a pairs table")
    if path.suffix == ".parquet":
        from hairsplit.core.tables import iterate_pairs, read_meta

        read_meta(path)
        return sorted({pair.image_id for pair in iterate_pairs(path)})
    return text_lines(path, "image ids")


def text_lines(path: Path | None, what: str) -> list[str]:
    """The lines of a text file that are not empty; none without a file.

    Raises:
        HairsplitError: No such file, or not one of lines of text.
    """
    if path is None:
        return []
    hint = f"a text file of {what}, one a line"
    if not path.is_file():
        raise HairsplitError("no such file", where=str(path), hint=hint)
    try:
        found = [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise HairsplitError("not a text file", where=str(path), hint=hint) from None
    if found and found[0].startswith(("{", "[")):
        raise HairsplitError(f"this is JSON, not a list of {what}", where=str(path), hint=hint)
    return found


def shard_of(text: str | None) -> tuple[int, int] | None:
    """(i, n) of "i/n".

    Raises:
        HairsplitError: It is not two numbers.
    """
    if text is None:
        return None
    first, slash, second = text.partition("/")
    if not (slash and first.isdecimal() and second.isdecimal()):
        raise HairsplitError(f"{text!r} is no part of a whole", where="--shard", hint="0/4, 1/4, 2/4 and 3/4")
    return int(first), int(second)


def echo_counts(title: str, counts: Mapping[str, int]) -> None:
    """Print what was counted, by name, if there is anything."""
    if counts:
        typer.echo(title)
        for name, count in sorted(counts.items()):
            typer.echo(f"  {count:>9,}  {name}")
