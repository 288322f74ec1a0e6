"""Typed configuration: defaults < YAML file < KEY=VALUE; every key must exist, and a wrong one is named."""

import difflib
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from hairsplit.core.errors import HairsplitError

C = TypeVar("C")
SCHEMA_HINT = "`hairsplit config schema` lists every key, its unit and its default"


def load_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        HairsplitError: Missing, not YAML, or not a mapping.
    """
    try:
        tree = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader, see below
    except FileNotFoundError:
        raise HairsplitError("no such file", where=str(path), hint="check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())
        raise HairsplitError(f"not valid YAML ({text})", where=str(path), hint="mend the file") from None
    except IsADirectoryError:
        raise HairsplitError("is a folder, not a YAML file", where=str(path), hint="name the file") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise HairsplitError("the top level is not a mapping of keys", where=str(path), hint=SCHEMA_HINT)
    return tree


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-5 as a number (YAML 1.2), not as a string (YAML 1.1)."""


_Loader.yaml_implicit_resolvers = {
    first: list(rules) for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def parse_value(text: str) -> Any:
    """A value of KEY=VALUE, read as YAML (1e-5 is a number, [a, b] a list)."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return text


def set_path(tree: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    """Set a nested value, making mappings on the way; a number steps into a list."""
    node: Any = tree
    for key, following in itertools.pairwise(keys):
        if isinstance(node, list):
            node = node[int(key)]
            continue
        child = node.get(key)
        if isinstance(child, str) and key == "objective" and following:  # objective: hnc_l2, then objective.lam=...
            child = {"name": child}
        if not isinstance(child, dict | list):
            child = {}
        node[key] = child
        node = child
    if isinstance(node, list):
        node[int(keys[-1])] = value
    else:
        node[keys[-1]] = value


def load_config(cls: type[C], path: Path | None = None, overrides: Sequence[str] = (), **fixed: Any) -> C:
    """Build `cls` from its defaults < the YAML file < `fixed` < KEY=VALUE overrides.

    Raises:
        HairsplitError: An unknown key (with the nearest known one), a value out of its limits, or a torn file.
    """
    tree = load_yaml(path) if path else {}
    tree.update(fixed)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise HairsplitError(f"{text!r} has no value", where="command line", hint="write KEY=VALUE, as in lr=1e-5")
        try:
            set_path(tree, key.split("."), parse_value(value))
        except (ValueError, IndexError):
            raise HairsplitError(f"{key!r} leads nowhere", where="command line", hint=SCHEMA_HINT) from None
    return validate(cls, tree, str(path or "command line"))


def validate(cls: type[C], tree: Any, where: str) -> C:
    """Check a tree of plain values against `cls`.

    Raises:
        HairsplitError: The first thing that is wrong: where, what, what to do.
    """
    try:
        return TypeAdapter(cls).validate_python(tree)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        loc = [str(part) for part in error["loc"]]
        at = f"{where} at {'.'.join(loc) or 'top level'}"
        if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
            raise HairsplitError(f"unknown key {loc[-1]!r}", where=at, hint=_near_key(cls, loc)) from None
        shown = f" (got {error['input']!r})" if loc and not isinstance(error["input"], dict) else ""
        message = str(error["msg"]).removeprefix("Value error, ")
        raise HairsplitError(message + shown, where=at, hint=SCHEMA_HINT) from None


def _near_key(cls: Any, loc: Sequence[str]) -> str:
    """The closest known key, looked for in the JSON schema of the whole configuration."""
    schema = TypeAdapter(cls).json_schema()
    keys: set[str] = set(schema.get("properties", {}))
    if len(loc) > 1:
        for part in schema.get("$defs", {}).values():
            keys |= set(part.get("properties", {}))
    near = difflib.get_close_matches(loc[-1], sorted(keys), n=1)
    return f"did you mean {near[0]!r}?" if near else SCHEMA_HINT
