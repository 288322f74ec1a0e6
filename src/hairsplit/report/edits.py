"""Which edits fooled a model: a table of kinds by edit roles, and which false caption of an image is the strongest."""

from collections.abc import Mapping, Sequence
from typing import Any

from hairsplit.core.types import Estimate
from hairsplit.evaluate.confusion import Fooled, fooled, strongest
from hairsplit.report import wording
from hairsplit.report._svg import embedded
from hairsplit.report.comparison import Group
from hairsplit.report.evaluation_folder import Evaluation
from hairsplit.report.figures import Bars, kind_bars

_WORDS = {"roles": "roles exchanged", "attributes": "attributes exchanged"}
_FULL, _DEEPEST = 0.5, 45
"""Share at which a cell has its deepest colour, and how much of the colour that is, per cent."""
Cells = Mapping[tuple[str, str], Estimate]
"""(kind, role) -> share of pairs that fool; kind "" is all kinds."""


def edit_view(group: Group, prefix: str) -> dict[str, Any] | None:
    """What the template shows of edits; None where none is known of any pair."""
    cells = [_cells(one) for one in group.evaluations]
    if not cells[0]:
        return None
    shown = [(0, None)] if len(cells) == 1 else [(n, 0) for n in range(1, len(cells))]
    bars = [_strongest(one) for one in group.evaluations]
    found: dict[str, Any] = {
        "tables": [_table(group, cells, now, was) for now, was in shown],
        "images": [(one.label, next((e.n for e in one.estimates.values()), 0)) for one in bars],
        "strongest": None,
    }
    if any(one.estimates for one in bars):
        drawn = kind_bars(
            bars,
            name=f"{prefix}-strongest",
            told="Bars of how often the strongest false caption of an image is of an edit",
            level="if it were any of them",
        )
        found["strongest"] = embedded(drawn)
    return found


def role_name(role: str) -> str:
    """A role in words: roles -> roles exchanged."""
    return _WORDS.get(role, wording.named(role))


def _cells(one: Evaluation) -> dict[tuple[str, str], Estimate]:
    items = one.items
    found: Sequence[Fooled] = fooled(items.margin, items.kind, items.role, items.cluster)
    return {(cell.kind, cell.role): cell.share for cell in found}


def _strongest(one: Evaluation) -> Bars:
    found = strongest(one.items.margin, one.items.role, one.items.cluster)
    return Bars(one.label, {role_name(each.role): each.share for each in found})


def _table(group: Group, cells: Sequence[Cells], now: int, was: int | None) -> dict[str, Any]:
    """Kinds downwards, roles across; of kinds that have one role each, and roles of one kind, all kinds are enough."""
    mine = cells[now]
    pairs = [pair for pair in mine if pair[0]]
    kinds = list(dict.fromkeys(kind for kind, _ in pairs))
    roles = list(dict.fromkeys(role for _, role in pairs))
    one_to_one = len(pairs) == len(kinds) == len(roles)
    before = cells[was] if was is not None else {}

    def row(kind: str) -> dict[str, Any]:
        return {
            "name": wording.named(kind) if kind else "all kinds",
            "all": not kind,
            "cells": [
                None
                if (kind, role) not in mine
                else {
                    "share": mine[kind, role],
                    "was": before.get((kind, role)),
                    "heat": round(_DEEPEST * min(1.0, mine[kind, role].value / _FULL)),
                }
                for role in roles
            ],
        }

    return {
        "label": group.evaluations[now].label,
        "was": None if was is None else group.evaluations[was].label,
        "roles": [role_name(role) for role in roles],
        "rows": [row(kind) for kind in ([""] if one_to_one else [*kinds, ""])],
    }
