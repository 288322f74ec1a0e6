"""The folder is the registry: what a package's public modules hold can be named in YAML and on the command line."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from hairsplit.core.errors import HairsplitError

E = TypeVar("E")


def nearest(name: str, names: tuple[str, ...] | list[str]) -> str:
    """A did-you-mean hint: the closest of `names`, whatever the case of letters, or all of them."""
    near = closest(name, names)
    return f"did you mean {near!r}?" if near else f"choose from {', '.join(names)}"


def closest(name: str, names: Iterable[str]) -> str | None:
    """The name most like `name`, if any is at all like it; letters in the other case are as good."""
    given = {other.lower(): other for other in names}
    near = difflib.get_close_matches(name.lower(), given, n=1)
    return given[near[0]] if near else None


@dataclass(frozen=True)
class Catalog(Generic[E]):
    """Every public module of `package` holds one `ENTRY` of type `kind`; its file name is its name."""

    package: str
    kind: type[E]
    besides: tuple[str, ...] = ()
    """Public modules of the package that are not entries."""
    asked: str = ""
    """Where users name an entry, for messages: an option or argument; empty: the folder's name."""

    @property
    def where(self) -> str:
        """What a message calls the place in which an entry was named."""
        return self.asked or self.package.rpartition(".")[2]

    def names(self) -> tuple[str, ...]:
        """All entries by name, sorted; imports none of them."""
        folder = importlib.import_module(self.package).__path__
        modules = (m.name for m in pkgutil.iter_modules(folder))
        return tuple(sorted(name for name in modules if not name.startswith("_") and name not in self.besides))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> E:
        if name not in self.names():
            raise HairsplitError(
                f"no {self.kind.__name__.lower()} is called {name!r}",
                where=self.where,
                hint=nearest(name, self.names()),
            )
        try:
            entry: E = importlib.import_module(f"{self.package}.{name}").ENTRY
        except ModuleNotFoundError as missing:  # an extra is named after the entry that needs it
            hint = f"pip install 'hairsplit[{name}]'"
            raise HairsplitError(f"{name} needs {missing.name}", where=self.where, hint=hint) from missing
        return entry
