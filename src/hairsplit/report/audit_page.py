"""The page of an audit: findings first, then charts, tables, and the rows themselves with their pictures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hairsplit.core.run import atomic_file
from hairsplit.core.types import Estimate
from hairsplit.report import audit_figures, wording
from hairsplit.report._svg import embedded
from hairsplit.report.html import environment
from hairsplit.report.pairs_page import pairs_view
from hairsplit.report.pictures import Gallery
from hairsplit.report.views import pretty

ALL = "all pairs"
SHOWN = 6
"""Rows shown per problem, and per overlap."""
Record = Mapping[str, Any]


def write_audit_page(record: Record, out: Path, *, root: Path, roots: Mapping[str, Path]) -> Path:
    """Write the page of an audit record (see `evaluate.audit.audit_pairs`); returns `out`.

    Args:
        record: The audit, with `pictures` and `overlaps`.
        out: The HTML file.
        root: Images root of the table.
        roots: Label of a table or folder in `overlaps` -> its images root.
    """
    gallery = Gallery()
    view = audit_view(record, gallery, root, roots)
    page = environment().get_template("audit.html.j2").render(view=view, missing=gallery)
    with atomic_file(out) as temporary:
        temporary.write_text(page, "utf-8")
    return out


def audit_view(record: Record, gallery: Gallery, root: Path, roots: Mapping[str, Path]) -> dict[str, Any]:
    """What the template shows, as plain values."""
    readers = record["attacks"]["readers"]
    told = _estimates(readers)
    everything = record["kinds"].get("", {})
    shown = record["pictures"]["found"] > 0
    return {
        "name": record["data"]["name"],
        "record": record,
        "readers": list(readers),
        "rows": _kind_rows(record, told),
        "best": _best(told.get(ALL, {})),
        "blind_figure": embedded(audit_figures.blind_dots(told, list(readers))) if told else None,
        "length_figure": embedded(audit_figures.length_bars(everything["longer_by"])) if everything else None,
        "edit_figure": embedded(audit_figures.edit_bars(everything["edit"]["sizes"])) if everything else None,
        "word_figure": embedded(audit_figures.word_bars(record["words"])) if record["words"] else None,
        "words": [word | {"share": estimate(word["true_share"])} for word in record["words"]],
        "markers": [
            {"name": name, **sides} for name, sides in everything.get("markers", {}).items() if max(sides.values()) > 0
        ],
        "own": {name: estimate(reader["own_texts"]) for name, reader in readers.items() if reader["own_texts"]},
        "strict": {name: reader["strict"] for name, reader in readers.items() if reader["strict"]},
        "problems": [_problem(part, gallery, root, shown) for part in record["problems"].values()],
        "told": [_card(row, gallery, root, shown) for row in record["told"][:SHOWN]],
        "looks": pairs_view(record["looks"], gallery, root, shown=shown),
        "overlaps": [_overlap(one, gallery, root, roots) for one in record["overlaps"]],
        "stamp": pretty(record["stamp"]),
    }


def estimate(tree: Record) -> Estimate:
    """A number of a record, with ends that are unknown as NaN."""
    low, high = (math.nan if tree[end] is None else tree[end] for end in ("low", "high"))
    return Estimate(tree["value"], low, high, tree["n"], tree["chance"])


def _estimates(readers: Record) -> dict[str, dict[str, Estimate]]:
    """Kind -> reader -> estimate, all pairs first."""
    found: dict[str, dict[str, Estimate]] = {}
    for name, reader in readers.items():
        if reader["overall"] is not None:
            found.setdefault(ALL, {})[name] = estimate(reader["overall"])
    for name, reader in readers.items():
        for kind, tree in reader["kinds"].items():
            found.setdefault(wording.named(kind), {})[name] = estimate(tree)
    return found


def _best(found: Mapping[str, Estimate]) -> tuple[str, Estimate] | None:
    known = [(name, one) for name, one in found.items()]
    return max(known, key=lambda one: one[1].low if one[1].low == one[1].low else -1.0, default=None)


def _kind_rows(record: Record, told: Mapping[str, Mapping[str, Estimate]]) -> list[dict[str, Any]]:
    rows = []
    for kind, measured in record["kinds"].items():
        name = ALL if kind == "" else wording.named(kind)
        negation = measured["markers"].get("negation", {"caption": 0.0, "negative": 0.0})
        rows.append(
            {
                "name": name,
                "pairs": measured["pairs"],
                "images": record["shape"]["images"] if kind == "" else record["shape"]["kinds"][kind]["images"],
                "readers": told.get(name, {}),
                "measured": measured,
                "longer": estimate(measured["longer_is_true"]),
                "negation": negation,
            }
        )
    return rows


def _problem(part: Record, gallery: Gallery, root: Path, shown: bool) -> dict[str, Any]:
    cards = [_card(row, gallery, root, shown) for row in part["examples"][:SHOWN]]
    return {"what": part["what"], "count": part["count"], "share": part["share"], "cards": cards}


def _card(row: Record, gallery: Gallery, root: Path, shown: bool) -> dict[str, Any]:
    caption, negative = wording.marked(row["caption"], row["negative"] or "")
    return {
        "row": row["row"],
        "kind": wording.named(row["kind"]),
        "image": row["image"],
        "caption": caption,
        "negative": negative if row["negative"] is not None else None,
        "odds": row.get("log_odds"),
        "picture": gallery.picture(root, row["image"]) if shown else None,
    }


def _overlap(one: Record, gallery: Gallery, root: Path, roots: Mapping[str, Path]) -> dict[str, Any]:
    pairs: Sequence[Record] = one["examples"][:SHOWN]
    return {
        "record": one,
        "cards": [
            {
                **pair,
                "left": gallery.picture(root, pair["mine"]),
                "right": gallery.picture(roots[one["against"]], pair["theirs"]),
            }
            for pair in pairs
        ],
    }
