"""Typed configuration: defaults < YAML file < KEY=VALUE; every key must exist, and a wrong one is named."""

import re
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from hairsplit.core.catalog import closest
from hairsplit.core.errors import HairsplitError

C = TypeVar("C")
_SAID = {"unknown_name"}
"""Types of error whose message tells the input."""
_PLAIN = (
    (" or object to extract fields from", ""),
    (" for <class 'pathlib.Path'>", ""),
    ("Tuple should", "List should"),
    ("a valid tuple", "a list"),
    ("a valid dictionary", "a mapping of keys"),
)
"""pydantic's words, and those of people who write YAML."""
_TYPE = re.compile(r"(dict|list|tuple|literal)\[")
"""How pydantic names a member of a union of plain types, where it lists the keys that lead to an error."""
_MERGE = "tag:yaml.org,2002:merge"
COMMAND_LINE = "command line"
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
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        reason = " ".join(str(error.problem or error.context).split())
        raise HairsplitError(f"not valid YAML ({reason})", where=f"{path}{line}", hint="mend the file") from None
    except UnicodeDecodeError:
        hint = "a YAML file is text; a pairs table is named as in train=FILE"
        raise HairsplitError("not valid YAML (it is no text)", where=str(path), hint=hint) from None
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise HairsplitError(f"not valid YAML ({text})", where=str(path), hint="mend the file") from None
    except IsADirectoryError:
        raise HairsplitError("is a folder, not a YAML file", where=str(path), hint="name the file") from None
    except OSError as error:
        raise HairsplitError(f"cannot be read ({error.strerror})", where=str(path), hint="check the path") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise HairsplitError("the top level is not a mapping of keys", where=str(path), hint=SCHEMA_HINT)
    return tree


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads 1e-5 as a number (YAML 1.2), not as a string (YAML 1.1), and refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As PyYAML's, which would keep the last of two equal keys and say nothing."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} occurs twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


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
    """Set a nested value, making mappings on the way; a number steps into a list.

    A bare name on the way stands for a mapping with that `name`: `objective=hnc_l2`, then `objective.lam=0`.

    Raises:
        ValueError, IndexError: A list on the way has no such place.
    """
    node: Any = tree
    for key in keys[:-1]:
        place: Any = int(key) if isinstance(node, list) else key
        child = node[place] if isinstance(node, list) else node.get(key)
        if isinstance(child, str):
            child = {"name": child}
        if not isinstance(child, dict | list):
            child = {}
        node[place] = child
        node = child
    node[int(keys[-1]) if isinstance(node, list) else keys[-1]] = value


def _default_name(cls: Any, key: str) -> str | None:
    """The `name` of a field's default, where that is one of several named things."""
    for field in fields(cls) if is_dataclass(cls) else ():
        if field.name == key and field.default_factory is not MISSING:
            name = getattr(field.default_factory(), "name", None)
            return name if isinstance(name, str) else None
    return None


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
            raise HairsplitError(f"{text!r} has no value", where=COMMAND_LINE, hint="write KEY=VALUE, as in lr=1e-5")
        keys = key.split(".")
        if len(keys) > 1 and tree.get(keys[0]) is None and (name := _default_name(cls, keys[0])):
            tree[keys[0]] = name  # objective.lam=0 alone changes the default objective
        try:
            set_path(tree, keys, parse_value(value))
        except (ValueError, IndexError):
            raise HairsplitError(f"{key!r} leads nowhere", where=COMMAND_LINE, hint=SCHEMA_HINT) from None
    overridden = {text.partition("=")[0].split(".")[0] for text in overrides}
    return validate(cls, tree, str(path or COMMAND_LINE), overridden)


def validate(cls: type[C], tree: Any, where: str, overridden: Collection[str] = ()) -> C:
    """Check a tree of plain values against `cls`.

    Args:
        cls: A pydantic dataclass.
        tree: Values by key.
        where: Where they came from, for the message.
        overridden: Keys that came from the command line instead.

    Raises:
        HairsplitError: The first thing that is wrong: where, what, what to do.
    """
    try:
        return TypeAdapter(cls).validate_python(tree)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        loc = _keys(error["loc"], tree)
        where = COMMAND_LINE if loc and loc[0] in overridden else where
        at = f"{where} at {'.'.join(loc) or 'top level'}"
        if error["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
            raise HairsplitError(f"unknown key {loc[-1]!r}", where=at, hint=_near_key(cls, loc)) from None
        if error["type"] in {"missing", "missing_argument"}:
            raise HairsplitError("this key is required", where=at, hint=SCHEMA_HINT) from None
        plain = loc and error["type"] not in _SAID and not isinstance(error["input"], dict)
        shown = f" (got {error['input']!r})" if plain else ""
        message = str(error["msg"]).removeprefix("Value error, ")
        for theirs, ours in _PLAIN:
            message = message.replace(theirs, ours)
        unspaced = any(":" in key for key in loc)
        hint = "YAML wants a space after the colon, as in {a: 1}" if unspaced else SCHEMA_HINT
        raise HairsplitError(message + shown, where=at, hint=hint) from None


def _keys(loc: Sequence[str | int], tree: Any) -> list[str]:
    """The keys that lead to what is wrong, without the names of union members that pydantic puts between them."""
    found: list[str] = []
    node: Any = tree
    for part in loc:
        if isinstance(node, Mapping) and part not in node and part == node.get("name"):
            continue
        if isinstance(node, str) and part == node:  # a bare name stands for a mapping
            continue
        if isinstance(part, str) and _TYPE.match(part) and not (isinstance(node, Mapping) and part in node):
            continue
        found.append(str(part))
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list | tuple) and isinstance(part, int) and part < len(node):
            node = node[part]
    return found


def _near_key(cls: Any, loc: Sequence[str]) -> str:
    """The closest known key, looked for in the JSON schema of the whole configuration."""
    schema = TypeAdapter(cls).json_schema()
    keys: set[str] = set(schema.get("properties", {}))
    if len(loc) > 1:
        for part in schema.get("$defs", {}).values():
            keys |= set(part.get("properties", {}))
    near = closest(loc[-1], sorted(keys))
    return f"did you mean {near!r}?" if near else SCHEMA_HINT
