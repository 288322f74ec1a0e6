"""Write a pairs table in the shapes of HNC's files, for programs that read those (CAPTIONS 2.1, 2.2)."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path
from typing import Any, Literal

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file
from hairsplit.core.tables import iterate_pairs, read_meta
from hairsplit.core.types import Pair
from hairsplit.core.wording import counted
from hairsplit.data.formats._rows import without_suffix

Shape = Literal["hnc", "hnc_test"]
SHAPES: tuple[Shape, ...] = ("hnc", "hnc_test")
MACHINE = {
    "attribute": "attribute", "object": "object", "attribute_relation": "attribute_subg", "relation": "relation",
    "relation_attribute": "relation_attr", "count": "obj_count", "compare_count": "obj_comp_count",
    "verify_relation": "obj_verify_count", "verify_attribute": "obj_verify_count_attr",
    "and_attribute": "and_logic_attr", "and_relation": "and_logic_rel", "xor_attribute": "xor_logic_attr",
    "xor_relation": "xor_logic_rel",
}  # fmt: skip
"""Family -> type of the train and val files; a kind that HNC has no type for keeps its name."""
HUMAN = {
    "count": "object_count", "compare_count": "object_compare_count", "verify_relation": "verify_object_relation",
    "verify_attribute": "verify_object_attribute", "and_attribute": "and_logic_attribute",
    "and_relation": "and_logic_relation", "xor_attribute": "xor_logic_attribute", "xor_relation": "xor_logic_relation",
}  # fmt: skip
"""Family -> type of the human-annotated test file, where the names differ."""
BY_ROLE = {"subject": "_subj", "object": "_obj", "predicate": "_pred"}
"""Ending of the machine types of relations: what was changed."""
ORDER = {"subject": 0, "replacement": 1}
"""In which the boxes of a caption are listed; others come last."""


@dataclass(frozen=True, kw_only=True)
class HncReport:
    """What was written."""

    out: Path
    images: int
    pairs: int
    rejects: Mapping[str, int]
    """Reason -> rows left out."""

    def __str__(self) -> str:
        left = "".join(f"; left out: {number:,} {reason}" for reason, number in sorted(self.rejects.items()))
        return f"{counted(self.pairs, 'pair')} of {counted(self.images, 'image')} in {self.out}{left}"


def export_hnc(table: Path, out: Path, *, to: Shape) -> HncReport:
    """Write the pairs of `table` as HNC's train file (`hnc`) or its test file (`hnc_test`); one image in memory.

    Each pair has a positive of its own, as in HNC, also where several share their caption. Images are named by their
    path, in the train shape less its suffix.

    Raises:
        HairsplitError: Not a pairs table, the rows of an image do not stand together, or `out` exists.
    """
    if out.exists():
        raise HairsplitError("exists already; nothing was changed", where=str(out), hint="choose another --out")
    read_meta(table)
    rejects: Counter[str] = Counter()
    images: set[str] = set()
    done = 0
    with atomic_file(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("{")
        for image, rows in groupby(_with_negative(table, rejects), key=lambda pair: pair.image):
            if image in images:
                hint = "sort the table by image"
                raise HairsplitError(f"the rows of {image} do not stand together", where=str(table), hint=hint)
            file.write(",\n" if images else "\n")
            images.add(image)
            pairs = list(rows)
            made: dict[str, Any] = {"captions": _machine(pairs, 2 * done)} if to == "hnc" else _human(pairs)
            file.write(f"{json.dumps(without_suffix(image) if to == 'hnc' else image)}: {json.dumps(made)}")
            done += len(pairs)
        file.write("\n}\n")
    return HncReport(out=out, images=len(images), pairs=done, rejects=dict(rejects))


def _with_negative(table: Path, rejects: Counter[str]) -> Iterator[Pair]:
    for pair in iterate_pairs(table):
        if pair.negative is None:
            rejects["rows without a negative"] += 1
        else:
            yield pair


def _machine(pairs: list[Pair], first: int) -> dict[str, dict[str, Any]]:
    """Caption id -> entry of the train shape: a positive, then the negative that links to it."""
    found: dict[str, dict[str, Any]] = {}
    for number, pair in zip(count(first, 2), pairs, strict=False):
        kind = machine_type(pair)
        edit = [pair.edit.before, pair.edit.after] if pair.edit else None
        word = pair.edit.before if pair.edit else None
        proven = None if pair.caption_form is None else False  # our facts hold no doubtful directions
        boxes = _boxes(pair)
        common = {"type": kind, "noisy": proven}
        found[str(number)] = {
            "caption": pair.caption,
            "label": 1,
            **common,
            "textual_label": word if kind.startswith("relation_") else None,
            "bboxes": {key: box for key, role, box in boxes if role != "replacement"},
            "ambiguity": _ambiguity(pair.caption_form),
            "replaced": None,
            "cpt_p_id": None,
        }
        found[str(number + 1)] = {
            "caption": pair.negative,
            "label": 0,
            **common,
            "textual_label": "both" if kind == "xor_logic_rel" else word,
            "bboxes": {key: box for key, _, box in boxes},
            "ambiguity": _ambiguity(pair.negative_form),
            "replaced": None if kind == "xor_logic_rel" else edit,
            "cpt_p_id": number,
        }
    return found


def machine_type(pair: Pair) -> str:
    """What the train and val files call the kind of a pair."""
    kind = MACHINE.get(pair.kind, pair.kind)
    role = BY_ROLE.get(pair.edit.role, "") if pair.edit else ""
    return kind + role if kind in {"relation", "relation_attr"} else kind


def _boxes(pair: Pair) -> list[tuple[str, str, dict[str, Any]]]:
    """(object id, role, box) of what the two captions mention, in HNC's order."""
    mentions = sorted(json.loads(pair.boxes or "[]"), key=lambda mention: ORDER.get(mention["role"], 2))
    return [
        (box["id"], box["role"], {"bbox": {side: box[side] for side in ("x", "y", "w", "h")}, "name": box["noun"]})
        for box in mentions
    ]


def _ambiguity(form: str | None) -> dict[str, Any]:
    """What HNC says of the triples of a caption; ours speak of one thing alone, so that none is ambiguous."""
    tree = json.loads(form) if form else {}
    if tree.get("op") == "rel":
        triple = [tree["s"]["noun"], tree["p"], tree["o"]["noun"]]
        return {"subgraph": triple, "ambiguous": False, "count": 0}
    if tree.get("op") == "attr":
        return {"obj_attr_name": [tree["x"]["noun"], tree["attr"]], "ambiguous": False, "count": 0}
    return {"ambiguous": False}


def _human(pairs: list[Pair]) -> dict[str, dict[str, Any]]:
    """Position -> entry of the test shape: positives and negatives by turns."""
    found: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        kind = HUMAN.get(pair.kind, pair.kind)
        for label, text in ((1, pair.caption), (0, pair.negative)):
            found[str(len(found))] = {"caption": text, "label": label, "type": kind, "replaced": None}
    return found
