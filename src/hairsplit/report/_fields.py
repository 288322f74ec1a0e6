"""Look up nested values in JSON and columns in Parquet, with errors that say which file lacks what."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Estimate


class Fields:
    """A JSON object that knows where it stands."""

    def __init__(self, tree: Any, where: str, hint: str, path: tuple[str, ...] = ()) -> None:
        self._tree, self._where, self._hint, self._path = tree, where, hint, path
        if not isinstance(tree, dict):
            raise self._error("is not an object", ())

    def __iter__(self) -> Iterator[str]:
        """Names in the order of the file."""
        return iter(self._tree)

    def get(self, name: str, otherwise: Any) -> Any:
        """A plain value; `otherwise` where it is missing or null."""
        value = self._tree.get(name)
        return otherwise if value is None else value

    def value(self, name: str) -> Any:
        """A plain value.

        Raises:
            HairsplitError: It is missing.
        """
        if name not in self._tree:
            raise self._error("is missing", (name,))
        return self._tree[name]

    def at(self, name: str) -> "Fields":
        """An object inside.

        Raises:
            HairsplitError: It is missing or not an object.
        """
        return Fields(self.value(name), self._where, self._hint, (*self._path, name))

    def optional(self, name: str) -> "Fields | None":
        """An object inside, or None where it is missing or null."""
        return None if self._tree.get(name) is None else self.at(name)

    def estimate(self, name: str) -> Estimate:
        """A number with its interval; ends that are null are NaN (unknown).

        Raises:
            HairsplitError: It is missing, or lacks a value or n.
        """
        inner = self.at(name)
        low, high = (inner._number(key, math.nan) for key in ("low", "high"))
        chance = inner.get("chance", None)
        n = inner._number("n", None)
        return Estimate(inner._number("value", None), low, high, int(n), None if chance is None else float(chance))

    def estimate_or_none(self, name: str) -> Estimate | None:
        """As `estimate`, but None where it is missing or null."""
        return None if self._tree.get(name) is None else self.estimate(name)

    def number(self, name: str) -> float:
        """A number.

        Raises:
            HairsplitError: It is missing or no number.
        """
        self.value(name)
        return self._number(name, None)

    def objects(self, name: str) -> "list[Fields]":
        """The objects of a list.

        Raises:
            HairsplitError: It is missing, no list, or holds something else.
        """
        listed = self.value(name)
        if not isinstance(listed, list):
            raise self._error("is not a list", (name,))
        return [Fields(one, self._where, self._hint, (*self._path, name)) for one in listed]

    def _number(self, name: str, otherwise: float | None) -> float:
        value = self.get(name, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._error("is not a number", (name,))
        return float(value)

    def _error(self, what: str, more: tuple[str, ...]) -> HairsplitError:
        name = ".".join((*self._path, *more)) or "the top level"
        return HairsplitError(f"{name} {what}", where=self._where, hint=self._hint)


def parquet_columns(path: Path, names: Sequence[str], hint: str) -> dict[str, Any]:
    """Columns of a Parquet file, name -> pyarrow array.

    Raises:
        HairsplitError: The file is missing or torn, or lacks a column.
    """
    try:
        known = pq.read_schema(path).names
        missing = [name for name in names if name not in known]
        if missing:
            raise HairsplitError(f"lacks the column {missing[0]!r}", where=str(path), hint=hint)
        table = pq.read_table(path, columns=list(names))
    except FileNotFoundError:
        raise HairsplitError("no such file", where=str(path), hint=hint) from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise HairsplitError(f"not a Parquet file ({reason})", where=str(path), hint=hint) from None
    return {name: table.column(name).combine_chunks() for name in names}
