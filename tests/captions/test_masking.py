"""The masking audit (CAPTIONS 7.8): what is made of an incomplete graph holds in the complete scene.

30 to 70 % of objects, attributes and edges are deleted; the generator sees the rest, in the open world; the checker
judges on the whole, which is closed. "The X" is looked up among the things that the speaker knew of, with all that is
true of them: a thing whose colour was deleted may not stand in the way of "the red X".
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from hairsplit.captions import FAMILIES
from hairsplit.core.types import Pair
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.checker.worlds import Raw, masked, worlds
from tests.captions.judged import findings, findings_on_the_whole, pairs_of, read_raw, summary
from tests.captions.scenes import drawn

PROVEN = {"geometric", "exclusive_attribute", "converse_or_contrary", "functional", "annotated", "count_bound"}
SHARES = (0.3, 0.5, 0.7)


def made_of_parts(whole: dict[str, Raw], share: float, folder: Path) -> tuple[list[Pair], dict[str, Raw]]:
    """Pairs of graphs of which each part was left out with chance `share`, and these graphs."""
    partial = {key: masked(raw, share, seed) for seed, (key, raw) in enumerate(whole.items())}
    return pairs_of(partial, folder, "open"), partial


@pytest.mark.parametrize("share", SHARES)
def test_no_pair_of_a_masked_scene_is_wrong_on_the_whole(share: float, tmp_path: Path) -> None:
    whole = worlds(140 if share < 0.6 else 320, seed=7)
    pairs, partial = made_of_parts(whole, share, tmp_path)
    assert len(pairs) > 500
    kinds = Counter(p.kind for p in pairs)
    assert set(kinds) == {name for name in FAMILIES if "open" in FAMILIES[name].worlds}
    evidence = Counter(p.evidence for p in pairs)
    assert set(evidence) <= PROVEN
    assert {"geometric", "exclusive_attribute", "converse_or_contrary"} <= set(evidence), evidence
    assert summary(findings_on_the_whole(pairs, partial, whole)) == ""


@pytest.mark.parametrize("share", SHARES)
def test_no_pair_of_a_masked_drawn_scene_is_wrong_on_the_whole(share: float, tmp_path: Path) -> None:
    write_scenes(tmp_path / "drawn.json", drawn(300, seed=8))
    whole = read_raw(tmp_path / "drawn.json")
    pairs, partial = made_of_parts(whole, share, tmp_path)
    assert len(pairs) > 50
    assert summary(findings_on_the_whole(pairs, partial, whole)) == ""


def test_of_nouns_declared_complete_numbers_and_absence_are_right(tmp_path: Path) -> None:
    """All balls, cups and books are annotated, though not all that is true of them."""
    nouns = ["ball", "cup", "book"]
    whole = worlds(160, seed=11)
    partial = {key: masked(raw, 0.4, seed, keep=nouns) for seed, (key, raw) in enumerate(whole.items())}
    pairs = pairs_of(partial, tmp_path, "open", complete_nouns=nouns)
    kinds = Counter(p.kind for p in pairs)
    assert min(kinds[kind] for kind in ("count", "verify_attribute", "verify_relation")) > 3, kinds
    assert summary(findings_on_the_whole(pairs, partial, whole)) == ""


def test_the_audit_finds_what_counts_absence_as_falsity(tmp_path: Path) -> None:
    """Made as if the masked graphs were complete, many negatives are true: the audit can fail."""
    whole = worlds(60, seed=9)
    partial = {key: masked(raw, 0.5, seed) for seed, (key, raw) in enumerate(whole.items())}
    pairs = pairs_of(partial, tmp_path, "closed")
    found = findings_on_the_whole(pairs, partial, whole)
    wrong = {(p.image_id, p.caption, p.negative) for p, f in found if f.rule == "truth"}
    assert len(wrong) > 0.01 * len(pairs)
    assert {p.evidence for p, f in found if f.rule == "truth"} & {"complete", "complete_noun"}
    assert summary(findings(pairs, partial, "closed")) == ""


def test_nlvr_masked_holds_in_the_exact_scenes(shared: Path, tmp_path: Path) -> None:
    file = shared / "realdata" / "nlvr" / "scene_graphs.json.gz"
    if not file.is_file():
        pytest.skip("the graphs of NLVR are not at hand")
    whole = dict(list(read_raw(file).items())[100:160])
    pairs, partial = made_of_parts(whole, 0.5, tmp_path)
    assert len(pairs) > 200
    assert summary(findings_on_the_whole(pairs, partial, whole)) == ""


def test_masking_keeps_a_part_of_the_scene() -> None:
    (whole,) = worlds(1, seed=3).values()
    partial = masked(whole, 0.5, 1)
    assert partial["objects"].items() != whole["objects"].items()
    for key, value in partial["objects"].items():
        full = whole["objects"][key]
        assert set(value["attributes"]) <= set(full["attributes"])
        assert {json.dumps(r) for r in value["relations"]} <= {json.dumps(r) for r in full["relations"]}
        assert all(r["object"] in partial["objects"] for r in value["relations"])
