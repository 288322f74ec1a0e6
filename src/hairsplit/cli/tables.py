"""Plain-text tables for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from hairsplit.core.wording import counted, percent
from hairsplit.train.config import TrainConfig


def evaluation_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """An evaluation: per kind, overall, recognition and retrieval, with n, interval, chance and text-only baseline."""
    blind = record["text_only"]
    yield f"{'':<34}{'n':>7}  {'pair accuracy':<24}{'chance':>7}  {'margin':>8}  text-only"
    for kind, part in record["kinds"].items():
        yield _pair_line(kind, part["pair_accuracy"], part["margin"], blind["kinds"].get(kind))
        yield from _role_lines(kind, record.get("edits"))
    overall = record["overall"]
    yield _pair_line("all pairs", overall["pair_accuracy"], overall["margin"], blind["overall"])
    yield _pair_line("mean over kinds", overall["macro_pair_accuracy"], None, blind.get("macro"))
    if overall["ties"]:
        yield f"{counted(overall['ties'], 'tie')}, each a miss"
    yield from _strongest_line(record.get("edits"))
    for part in ("recognition", "retrieval"):
        for name, value in (record[part] or {}).items():
            if isinstance(value, dict):
                yield f"{part + ' ' + name:<34}{value['n']:>7}  {percent(value):<24}{_chance(value):>7}"
    yield f"text-only: {blind['note']}"
    if record["rejects"]:
        yield "left out: " + ", ".join(f"{reason} {count:,}" for reason, count in record["rejects"].items())
    yield from record["warnings"]


ENOUGH_OF_A_ROLE = 10
"""Pairs; of fewer, an accuracy says nothing."""


def _role_lines(kind: str, edits: Mapping[str, Any] | None) -> Iterator[str]:
    """The edit roles of a kind that has several of enough pairs; metrics.json has all."""
    roles = [cell for cell in (edits or {"fooled": ()})["fooled"] if cell["kind"] == kind]
    several = sum(cell["share"]["n"] >= ENOUGH_OF_A_ROLE for cell in roles) > 1
    for cell in roles if several else ():
        share = cell["share"]
        low, high = (None if share[end] is None else 1 - share[end] for end in ("high", "low"))
        right = {"value": 1 - share["value"], "low": low, "high": high}
        yield f"  {cell['edit_role']:<32}{share['n']:>7}  {percent(right):<24}{_chance(share):>7}"


def _strongest_line(edits: Mapping[str, Any] | None) -> Iterator[str]:
    """The edits that fool the model more often than there are of them, in images that have several."""
    clear = [one for one in (edits or {"strongest": ()})["strongest"] if (one["excess"]["low"] or 0) > 0]
    told = [
        f"{one['edit_role']} in {percent(one['share'])} of {counted(one['share']['n'], 'image')} "
        f"(of their false captions it is {100 * one['share']['chance']:.1f} %)"
        for one in clear
    ]
    if told:
        yield f"where fooled, the false caption furthest ahead: {'; '.join(told)}"


def _pair_line(
    name: str, accuracy: Mapping[str, Any], margin: Mapping[str, Any] | None, blind: Mapping[str, Any] | None
) -> str:
    shown = f"{margin['value']:+.3f}" if margin else ""
    text = percent(blind) if blind else "unknown"
    return f"{name:<34}{accuracy['n']:>7}  {percent(accuracy):<24}{_chance(accuracy):>7}  {shown:>8}  {text}"


def _chance(estimate: Mapping[str, Any]) -> str:
    return "" if estimate["chance"] is None else f"{100 * estimate['chance']:.1f}"


def schema_lines() -> Iterator[str]:
    """Every key of a training configuration, its type, default and meaning; objectives after it."""
    schema = TypeAdapter(TrainConfig).json_schema()
    for name, part in schema["properties"].items():
        yield f"{name}: {_type(part)}{_default(part)}"
        if text := part.get("description"):
            yield f"    {text}"
    for title, part in schema.get("$defs", {}).items():
        yield ""
        yield f"{title}: {part.get('description', '').splitlines()[0] if part.get('description') else ''}"
        for name, inner in part.get("properties", {}).items():
            yield f"  {name}: {_type(inner)}{_default(inner)}"
            if text := inner.get("description"):
                yield f"      {text}"


def _type(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return " | ".join(map(str, part["enum"]))
    if "const" in part:
        return repr(part["const"])
    for key in ("anyOf", "oneOf"):
        if key in part:
            return " | ".join(dict.fromkeys(_type(option) for option in part[key]))
    if "$ref" in part:
        return str(part["$ref"]).rsplit("/", 1)[-1]
    limits = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    bounds = ", ".join(f"{sign} {part[key]:g}" for key, sign in limits.items() if key in part)
    return str(part.get("type", "mapping")) + (f" ({bounds})" if bounds else "")


def _default(part: Mapping[str, Any]) -> str:
    return f" = {part['default']}" if "default" in part else ""
