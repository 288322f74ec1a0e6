"""What the generator makes of raw graphs, and what the checker finds wrong with it."""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hairsplit.captions.generate import generate
from hairsplit.core.types import Pair, Scene, World
from hairsplit.scenes.readers.gqa import read_scenes
from tests.captions.checker.graph import Graph
from tests.captions.checker.pairs import Checker, Finding, Row
from tests.captions.checker.worlds import Raw

Found = tuple[Pair, Finding]


def scenes_of(graphs: Mapping[str, Raw], folder: Path) -> list[Scene]:
    """Raw graphs as the reader reads them."""
    file = folder / "graphs.json"
    file.write_text(json.dumps(graphs), "utf-8")
    return [scene for scene in read_scenes(file) if isinstance(scene, Scene)]


def pairs_of(graphs: Mapping[str, Raw], folder: Path, world: World, **options: Any) -> list[Pair]:
    """The generator's pairs; options are those of `generate`."""
    return list(generate(scenes_of(graphs, folder), world=world, **options))


def row_of(pair: Pair) -> Row:
    """What the checker gets of a pair."""
    assert pair.edit is not None
    assert pair.negative is not None
    assert pair.caption_form is not None
    assert pair.negative_form is not None
    edit = pair.edit
    forms = pair.caption_form, pair.negative_form
    return Row(pair.caption, pair.negative, *forms, role=edit.role, before=edit.before, after=edit.after)


def findings(pairs: Iterable[Pair], graphs: Mapping[str, Raw], world: World) -> list[Found]:
    """All that is wrong with pairs, judged on the graphs they were made of."""
    checkers: dict[str, Checker] = {}
    found: list[Found] = []
    for pair in pairs:
        if pair.image_id not in checkers:
            checkers[pair.image_id] = Checker.of(graphs[pair.image_id], world)
        found += [(pair, finding) for finding in checkers[pair.image_id].findings(row_of(pair))]
    return found


def findings_on_the_whole(pairs: Iterable[Pair], partial: Mapping[str, Raw], whole: Mapping[str, Raw]) -> list[Found]:
    """All that is wrong with pairs made of partial graphs, judged on the complete ones."""
    checkers: dict[str, Checker] = {}
    found: list[Found] = []
    for pair in pairs:
        key = pair.image_id
        if key not in checkers:
            checkers[key] = Checker(
                Graph.of(whole[key]), "closed", set(partial[key]["objects"]), Graph.of(partial[key])
            )
        found += [(pair, finding) for finding in checkers[key].findings(row_of(pair))]
    return found


def summary(found: Iterable[Found]) -> str:
    """Findings by family and rule with the first of each, for a failing test."""
    counts, first = Counter[tuple[str, str]](), dict[tuple[str, str], str]()
    for pair, finding in found:
        key = pair.kind, finding.rule
        counts[key] += 1
        first.setdefault(key, f"{finding.why} [{pair.image_id}: {pair.caption} | {pair.negative}]")
    return "\n".join(f"{n} x {kind}, {rule}: {first[kind, rule]}" for (kind, rule), n in sorted(counts.items()))


def read_raw(file: Path) -> dict[str, Raw]:
    """Raw graphs of a file in GQA layout, packed or not."""
    data = file.read_bytes()
    graphs: dict[str, Raw] = json.loads(gzip.decompress(data) if file.suffix == ".gz" else data)
    return graphs
