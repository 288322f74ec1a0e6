"""The weak mode: what nobody annotated may be a negative, though nothing that is annotated, or follows, ever is."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hairsplit.captions import FAMILIES, _weak
from hairsplit.captions._weak import WEAK_FAMILIES, refuse_evaluation
from hairsplit.captions.generate import generate
from hairsplit.captions.table import write_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_meta
from hairsplit.core.types import Pair, World
from hairsplit.scenes import absence, lexicon
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.readers.gqa import write_scenes
from hairsplit.scenes.truth import UNKNOWN, Verdict
from tests.captions.checker.balance import marker_faults, repetitions, swap_faults
from tests.captions.checker.pairs import Checker
from tests.captions.checker.worlds import COLOURS, Raw, masked, watched, worlds
from tests.captions.judged import findings, pairs_of, read_raw, row_of, scenes_of, summary
from tests.captions.scenes import drawn

Made = tuple[dict[str, Raw], list[Pair]]
WHERE = {("object", "subject"), ("object", "object"), ("relation", "subject"), ("relation", "object")}
"""(family, role) of weak negatives."""


def incomplete(count: int, seed: int) -> dict[str, Raw]:
    """Made-up scenes of which much is not annotated."""
    whole = worlds(count, seed, mixed=True)
    return {key: masked(watched(raw, n), 0.4, n) for n, (key, raw) in enumerate(whole.items())}


def is_weak(pair: Pair) -> bool:
    return pair.evidence == "weak_absence"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    graphs = incomplete(500, seed=31)
    families = {"object": 2.0, "relation": 2.0, "attribute": 1.0, "xor_relation": 1.0, "negation": 1.0}
    return graphs, pairs_of(graphs, tmp_path_factory.mktemp("w"), "open", families=families, weak_absence=True)


def test_some_families_have_weak_negatives_and_all_have_the_others(made: Made) -> None:
    roles = Counter((p.kind, p.edit.role) for p in made[1] if is_weak(p) and p.edit)
    assert set(roles) == WHERE, roles
    assert min(roles.values()) > 5
    assert {kind for kind, _ in roles} == WEAK_FAMILIES
    assert {p.kind for p in made[1] if not is_weak(p)} == {
        "object",
        "relation",
        "attribute",
        "xor_relation",
        "negation",
    }
    assert "weak_absence" not in {p.caption_evidence for p in made[1]}


def not_to_be_said(pairs: list[Pair], graphs: dict[str, Raw]) -> str:
    """What the checker has against pairs, taken in the open world (where weak negatives may be unknown) or closed."""
    weak = [p for p in pairs if is_weak(p)]
    proven = findings([p for p in pairs if not is_weak(p)], graphs, "open")
    opened = [(p, f) for p, f in findings(weak, graphs, "open") if f.rule != "unknown"]
    wrong = []
    for p in weak:  # its caption is not unknown, and its negative not TRUE, nor FALSE, which would be proof
        checker = Checker.of(graphs[p.image_id], "open")
        truths = checker.truth(p.caption), checker.truth(str(p.negative))
        wrong += [f"{truths}: {p.caption} | {p.negative}"] if truths != ("T", "U") else []
    return "\n".join(filter(None, [*wrong, summary([*proven, *opened, *findings(weak, graphs, "closed")])]))


def test_a_weak_negative_contradicts_nothing_that_is_annotated_or_implied(made: Made) -> None:
    """The checker: U in the open world and, since near words and wider names rule nothing out, F in the closed one."""
    graphs, pairs = made
    assert sum(map(is_weak, pairs)) > 200
    assert not_to_be_said(pairs, graphs) == ""


@pytest.mark.parametrize("name", ["nlvr", "flickr8k"])
def test_nor_of_real_graphs(name: str, shared: Path, tmp_path: Path) -> None:
    graphs = dict(list(read_raw(shared / "realdata" / name / "scene_graphs.json.gz").items())[:200])
    weak = [p for p in pairs_of(graphs, tmp_path, "open", weak_absence=True) if is_weak(p)]
    assert len(weak) > 9
    found = findings(weak, graphs, "open")
    assert summary((p, f) for p, f in found if f.rule not in {"unknown", "referent"}) == ""
    doubted = {p.pair_id for p, f in found if f.rule == "referent"}
    assert len(doubted) <= 0.02 * len(weak), summary(found)  # as words are in the proven pairs of these graphs


def test_texts_of_an_image_are_either_true_or_false_and_swaps_go_both_ways(made: Made) -> None:
    images: dict[str, list[tuple[str, str, str | None]]] = {}
    for p in made[1]:
        images.setdefault(p.image_id, []).append((p.caption, str(p.negative), p.group_id))
    assert [fault for rows in images.values() for fault in repetitions(rows)] == []
    rows = [(p.kind, row_of(p)) for p in made[1]]
    assert marker_faults(rows) == []
    assert swap_faults(rows) == []


def test_what_is_said_of_a_colour_is_said_alike_of_both_nouns(tmp_path: Path) -> None:
    """G8 where only weak swaps can be: half of the boxes have a colour, one in nine of the lamps."""
    graphs: dict[str, Raw] = {}
    for n in range(3_000):
        colours = [COLOURS[n % 7]] if n % 2 else [], [COLOURS[n % 5]] if n % 9 == 0 else []
        objects = {
            str(i): {"name": name, "x": 300 * i, "y": 0, "w": 90, "h": 90, "attributes": said, "relations": []}
            for i, (name, said) in enumerate(zip(("box", "lamp"), colours, strict=True))
        }
        graphs[f"{n:05d}"] = {"width": 640, "height": 480, "objects": objects}
    pairs = pairs_of(graphs, tmp_path, "open", families=["object"], weak_absence=True)
    forth, back = (sum(p.edit.before == noun for p in pairs if is_weak(p) and p.edit and p.edit.role == "subject")
                   for noun in ("box", "lamp"))  # fmt: skip
    assert min(forth, back) > 100
    assert abs(forth - back) < 4 * (forth + back) ** 0.5


def test_a_noun_that_never_takes_a_colour_never_gives_one(made: Made) -> None:
    """G8: grass has its colour wherever it lies, so it takes none; if it gave its own, "the grass is" meant true."""
    swaps = [p.edit for p in made[1] if is_weak(p) and p.edit and p.edit.role == "subject" and p.kind == "object"]
    assert len(swaps) > 20
    assert [edit.before for edit in swaps if not lexicon.has_a_place(edit.before)] == []


def test_without_it_nothing_is_weak_and_the_other_families_are_the_same_with_it(tmp_path: Path) -> None:
    scenes = scenes_of(incomplete(60, seed=3), tmp_path)
    assert not any(map(is_weak, generate(scenes, world="open")))
    others = sorted(set(FAMILIES) - WEAK_FAMILIES)
    families = [name for name in others if "open" in FAMILIES[name].worlds]
    plain, weak = (list(generate(scenes, world="open", weak_absence=on, families=families)) for on in (False, True))
    assert len(plain) > 200
    assert plain == weak


def attributes_by_another_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(absence, "_alike", lambda one, other: one == other)


def all_that_is_unknown_of_two_things(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(facts: Facts, s: Entity, name: str, o: Entity) -> Verdict:
        return absence.ABSENT if facts.relation(s, name, o) == UNKNOWN else UNKNOWN

    monkeypatch.setattr(_weak, "absent_relation", absent)
    monkeypatch.setattr("hairsplit.captions._changes.absent_relation", absent)


@pytest.mark.parametrize("mutate", [attributes_by_another_word, all_that_is_unknown_of_two_things])
def test_a_weak_mode_that_takes_more_for_absent_is_caught(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    graphs = incomplete(150, seed=31)
    mutate(monkeypatch)
    pairs = pairs_of(graphs, tmp_path, "open", families=["object", "relation"], weak_absence=True)
    assert not_to_be_said(pairs, graphs) != ""


@pytest.mark.parametrize("split", ["val", "test", "dev", "Validation", "testdev", "held_out"])
def test_evaluation_splits_are_refused_before_anything_is_written(split: str, tmp_path: Path) -> None:
    scenes = [replace(s, split=split if n else "train") for n, s in enumerate(drawn(6))]
    graphs, out = tmp_path / "g.json", tmp_path / "p.parquet"
    write_scenes(graphs, scenes)
    for chosen in (split, None):
        with pytest.raises(
            HairsplitError, match=f"for training only, and scenes are of the split '{split}'"
        ) as refused:
            write_captions(graphs, None, out, world="open", split=chosen, weak_absence=True)
        assert "--split train" in str(refused.value.hint)
    with pytest.raises(HairsplitError, match="for training only"):
        generate(scenes, world="open", weak_absence=True)
    assert not out.exists()


def test_a_training_split_beside_others_is_not(tmp_path: Path) -> None:
    scenes = [replace(s, split=("val", "train")[n % 2]) for n, s in enumerate(drawn(12))]
    graphs, out, corpus = tmp_path / "g.json", tmp_path / "p.parquet", tmp_path / "corpus.json"
    write_scenes(graphs, scenes)
    write_captions(graphs, None, tmp_path / "all.parquet", world="open", corpus=corpus)
    write_captions(graphs, None, out, world="open", split="train", corpus=corpus, weak_absence=True)
    assert read_meta(out).config["weak_absence"] is True
    assert "weak_absence" not in read_meta(tmp_path / "all.parquet").config


@pytest.mark.parametrize(
    ("name", "refused"),
    [("val_sceneGraphs.json", True), ("vg-test", True), ("train_sceneGraphs.json", False), ("latest.json", False)],
)
def test_graphs_without_a_split_are_told_by_the_name_of_their_file(name: str, refused: bool) -> None:
    """GQA's graphs name no split; its files do."""
    refuse_evaluation(["train"], name)
    if not refused:
        return refuse_evaluation([None], name)
    with pytest.raises(HairsplitError, match="its scenes are for evaluation"):
        refuse_evaluation([None], name)
    return None


def test_absence_is_proof_in_the_closed_world_and_needs_no_weak_mode() -> None:
    world: World = "closed"
    with pytest.raises(HairsplitError, match="weak negatives are of the open world"):
        list(generate(drawn(2), world=world, weak_absence=True))
