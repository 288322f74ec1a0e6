"""`hairsplit captions --weak-absence` and `--shard-size` on the command line."""

import os
from pathlib import Path

import pytest

from hairsplit.core.tables import WEAK_ABSENCE, iterate_pairs, read_meta
from hairsplit.scenes.absence import ABSENT
from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World


def test_weak_negatives_are_made_for_training_and_refused_in_an_evaluation(
    world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    graphs, table = world.drawn / "scene_graphs.json", tmp_path / "p.parquet"
    words = ("captions", graphs, "-o", table, "--images", world.drawn / "images", "--weak-absence")
    for split in ((), ("--split", "test")):
        said = refused(hairsplit(*words, *split))
        assert "weak negatives are for training only, and scenes are of the split 'test'" in said
        assert "hint: --split train, or leave --weak-absence out" in said
    assert "weak negatives are of the open world" in refused(hairsplit(*words, "--world", "closed"))
    assert hairsplit(*words, "--split", "train").code == 0
    pairs = list(iterate_pairs(table))
    assert {p.split for p in pairs} == {"train"}
    assert "weak_absence" in {p.evidence for p in pairs}
    said = refused(hairsplit("evaluate", world.model, "--on", table, "-o", tmp_path / "e"))
    assert "some of its negatives may be true" in said
    assert "without --weak-absence" in said
    options = (f"train={world.train}", f"val={table}", f"model={world.model}", "batch_size=2", "steps=1")
    said = refused(hairsplit("train", *options, "warmup_steps=0", "-o", tmp_path / "run"))
    assert f"val: {table}: some of its negatives may be true" in said
    assert "without --weak-absence" in said
    assert ABSENT.evidence == WEAK_ABSENCE  # what is written is what is looked for


def test_a_table_in_several_files_is_joined_by_its_folder(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    graphs, images, cut = world.drawn / "scene_graphs.json", world.drawn / "images", tmp_path / "cut"
    words = ("captions", graphs, "--images", images, "--left-right", 0.2)
    whole = hairsplit(*words, "-o", tmp_path / "one.parquet").out
    assert hairsplit(*words, "-o", cut, "--shard-size", 30).out == whole.replace("one.parquet", "cut")
    files = sorted(cut.iterdir())
    assert [read_meta(file).config["piece"]["number"] for file in files] == list(range(len(files)))
    joined = tmp_path / "joined.parquet"
    assert hairsplit("merge", cut, "-o", joined).out == whole.replace("one.parquet", "joined.parquet")
    assert joined.read_bytes() == (tmp_path / "one.parquet").read_bytes()
    assert f"{files[1].name} is missing" in refused(hairsplit("merge", files[0], *files[2:], "-o", tmp_path / "x"))
    done = hairsplit("evaluate", world.model, "--on", files[-1], "-o", tmp_path / "e", "--device", "cpu")
    assert done.code == 0, done.err  # each is a table of its own


@pytest.mark.parametrize("option", [("--shard-size", "3"), ("--weak-absence",)])
def test_they_need_graphs(option: tuple[str, ...], tmp_path: Path, hairsplit: Hairsplit) -> None:
    said = refused(hairsplit("captions", "--from-text", "c.jsonl", "-o", tmp_path / "p.parquet", *option))
    assert f"{option[0]} goes with scene graphs only" in said


@pytest.mark.parametrize(("chosen", "found"), [(None, "system"), ("mimalloc", "mimalloc")])
def test_arrow_takes_memory_where_python_does_unless_told_otherwise(
    chosen: str | None, found: str, tmp_path: Path, hairsplit: Hairsplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", str(chosen))
    if chosen is None:
        monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL")
    refused(hairsplit("captions", tmp_path / "none.json", "-o", tmp_path / "p.parquet"))
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == found
