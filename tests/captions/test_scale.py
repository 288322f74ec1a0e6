"""Shards, partitions, corpus files and the order of everything: the same table, whatever way it was made."""

import json
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hairsplit.captions._choice import in_shard
from hairsplit.captions.generate import Settings, drawn_source, generate
from hairsplit.captions.merge import CaptionsReport, Thinning, merge_tables
from hairsplit.captions.partition import caption_partition
from hairsplit.captions.table import prepare, write_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import stream
from hairsplit.core.tables import read_meta, read_pairs
from hairsplit.core.types import Box, Scene, Thing
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.readers.gqa import write_scenes
from hairsplit.scenes.truth import Truth
from tests.captions.scenes import drawn, shuffled

COUNT = 90


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graphs") / "g.json"
    write_scenes(path, drawn(COUNT))
    return path


def lines_of(graphs: Path) -> list[str]:
    return [json.dumps({"image_id": key, **graph}) for key, graph in json.loads(graphs.read_text()).items()]


def made(graphs: Path, out: Path, **options: object) -> CaptionsReport:
    return write_captions(graphs, None, out, world="open", source_of=drawn_source, **options)  # type: ignore[arg-type]


def test_the_table_is_the_same_in_any_order_of_graphs_objects_and_edges(graphs: Path, tmp_path: Path) -> None:
    """G6. The input's own hash is in the metadata, so rows are compared where the input file differs."""
    scenes = [shuffled(scene, i) for i, scene in enumerate(drawn(COUNT))]
    stream(0).shuffle(scenes)
    write_scenes(tmp_path / "other.json", scenes)
    made(graphs, tmp_path / "a.parquet")
    made(tmp_path / "other.json", tmp_path / "b.parquet")
    one, other = read_pairs(tmp_path / "a.parquet"), read_pairs(tmp_path / "b.parquet")
    assert [replace(p, source="") for p in one.pairs] == [replace(p, source="") for p in other.pairs]
    assert one.meta.rejects == other.meta.rejects
    assert [p.image_id for p in one.pairs] == sorted(p.image_id for p in one.pairs)


@pytest.mark.parametrize("share", [0.4, 0.2, None])
def test_shards_merged_in_any_order_are_the_bytes_of_one_run(graphs: Path, tmp_path: Path, share: float | None) -> None:
    thinning = Thinning(share)
    whole = made(graphs, tmp_path / "whole.parquet", thinning=thinning)
    corpus = tmp_path / "corpus.json"
    parts = [tmp_path / f"{i}.parquet" for i in range(3)]
    for number, part in enumerate(parts):  # the first makes the corpus file, the others read it
        made(graphs, part, shard=(number, 3), corpus=corpus, workers=1 + number % 2)
    for name, order in (("x", parts), ("y", parts[::-1])):
        report = merge_tables(order, tmp_path / f"{name}.parquet", thinning=thinning)
        assert report == whole
        assert (tmp_path / f"{name}.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_partitions_of_any_cut_are_the_bytes_of_one_run(graphs: Path, tmp_path: Path) -> None:
    made(graphs, tmp_path / "whole.parquet")
    job = prepare(graphs, tmp_path, Settings(world="open"), source_of=drawn_source)
    lines = lines_of(graphs)
    for cut in (1, 4):
        folder = tmp_path / f"parts-{cut}"
        stream(cut).shuffle(lines)
        for number in range(cut):
            sent = pickle.loads(pickle.dumps(job))  # as engines send it  # noqa: S301
            first = caption_partition(lines[number::cut], sent, folder)
            again = first.read_bytes()
            assert caption_partition(lines[number::cut][::-1], sent, folder) == first  # a task that is run twice
            assert first.read_bytes() == again
        out = tmp_path / f"{cut}.parquet"
        merge_tables(sorted(folder.iterdir()), out, thinning=Thinning())
        assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_shard_depends_on_the_image_id_alone_and_shards_are_of_like_size() -> None:
    ids = [str(i) for i in range(3_000)]
    shards = [[i for i in ids if in_shard(i, (number, 4))] for number in range(4)]
    assert sorted(image_id for shard in shards for image_id in shard) == sorted(ids)
    assert all(650 < len(shard) < 850 for shard in shards)


def test_parts_that_do_not_fit_are_refused(graphs: Path, tmp_path: Path) -> None:
    parts = [tmp_path / f"{i}.parquet" for i in range(2)]
    for number, part in enumerate(parts):
        made(graphs, part, shard=(number, 2))
    made(graphs, tmp_path / "seed.parquet", shard=(1, 2), seed=1)
    out = tmp_path / "out.parquet"
    with pytest.raises(HairsplitError, match="shard 1/2 is missing"):
        merge_tables(parts[:1], out, thinning=Thinning())
    with pytest.raises(HairsplitError, match=r"made in another run .*: seed"):
        merge_tables([parts[0], tmp_path / "seed.parquet"], out, thinning=Thinning())
    with pytest.raises(HairsplitError, match=r"image \S+ is in .*, too"):
        merge_tables([*parts, parts[0]], out, thinning=Thinning())
    with pytest.raises(HairsplitError, match="no table was given"):
        merge_tables([], out, thinning=Thinning())
    with pytest.raises(HairsplitError, match="no shard 2/2"):
        made(graphs, out, shard=(2, 2))
    with pytest.raises(HairsplitError, match="a shard alone cannot be thinned"):
        made(graphs, out, shard=(0, 2), thinning=Thinning(0.3))
    assert not out.exists()


def test_a_corpus_file_of_something_else_is_refused(graphs: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.json"
    made(graphs, tmp_path / "a.parquet", corpus=corpus)
    whole = json.loads(corpus.read_text())
    for change, message in (
        ({"version": 99}, "no corpus file of this version"),
        ({"lexicon_hash": "x"}, "made with another lexicon"),
        ({"corpora": [{"split": None, "tables": {}}]}, "not a corpus file"),
        ({"corpora": []}, "no counts of the split 'train'"),
    ):
        corpus.write_text(json.dumps({**whole, **change}))
        with pytest.raises(HairsplitError, match=message):
            made(graphs, tmp_path / "b.parquet", corpus=corpus)


def test_left_and_right_are_thinned_to_their_share_and_counted(graphs: Path, tmp_path: Path) -> None:
    def sideways(path: Path) -> tuple[int, int]:
        pairs = read_pairs(path).pairs
        return sum("left" in p.caption.lower() or "right" in p.caption.lower() for p in pairs), len(pairs)

    made(graphs, tmp_path / "all.parquet", thinning=Thinning(None))
    before = sideways(tmp_path / "all.parquet")
    report = made(graphs, tmp_path / "some.parquet", thinning=Thinning(0.1))
    after = sideways(tmp_path / "some.parquet")
    assert before[0] > 0.1 * before[1]
    assert after[0] <= 0.1 * after[1] < after[0] + 1
    assert before[1] - before[0] == after[1] - after[0]  # nothing else is left out
    assert report.rejects["left and right: over their share of the pairs"] == before[0] - after[0]
    with pytest.raises(HairsplitError, match=r"the share of left and right is 1\.5"):
        made(graphs, tmp_path / "x.parquet", thinning=Thinning(1.5))
    things = (Thing("a", "circle", Box(4, 4, 9, 9), ("red",)), Thing("b", "square", Box(40, 4, 9, 9), ("blue",)))
    write_scenes(tmp_path / "one.json", [Scene("1", 64, 64, things)])
    with pytest.raises(HairsplitError, match=r"none of \S+ pairs is left"):
        made(tmp_path / "one.json", tmp_path / "x.parquet", families=["role_swap"])
    assert not (tmp_path / "x.parquet").exists()


def test_balancing_is_a_second_pass_that_says_what_it_cost(graphs: Path, tmp_path: Path) -> None:
    plain = made(graphs, tmp_path / "plain.parquet")
    report = made(graphs, tmp_path / "balanced.parquet", thinning=Thinning(balance=True))
    table = read_pairs(tmp_path / "balanced.parquet")
    assert len(table) == report.rows < plain.rows
    lost = "balance: would tell caption from negative without the image"
    assert report.rejects[lost] == plain.rows - report.rows
    assert table.meta.config["balance"] == report.balance
    assert {step["family"] for step in report.balance} == set(plain.kinds)
    assert all(p.text_gap is not None for p in table.pairs)
    kept = {p.pair_id for p in table.pairs}
    assert [replace(p, text_gap=None) for p in table.pairs] == [
        p for p in read_pairs(tmp_path / "plain.parquet").pairs if p.pair_id in kept
    ]


def test_excluded_images_give_no_pair_and_no_count(graphs: Path, tmp_path: Path) -> None:
    """G10. An image whose attributes no other has would show in the counts of the corpus."""
    gone = {"00003", "00007"}
    made(graphs, tmp_path / "a.parquet", exclude_image_ids=gone, corpus=tmp_path / "a.json")
    write_scenes(tmp_path / "g.json", [s for s in drawn(COUNT) if s.image_id not in gone])
    made(tmp_path / "g.json", tmp_path / "b.parquet", corpus=tmp_path / "b.json")
    one, other = read_pairs(tmp_path / "a.parquet"), read_pairs(tmp_path / "b.parquet")
    assert one.pairs == other.pairs
    assert not gone & {p.image_id for p in one.pairs}
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert {**one.meta.rejects, "image: excluded": 0} == {**other.meta.rejects, "image: excluded": 0}
    assert one.meta.rejects["image: excluded"] == 2


def test_only_the_chosen_split_is_counted(tmp_path: Path) -> None:
    scenes = [replace(s, split="val" if i % 3 else "train") for i, s in enumerate(drawn(60))]
    write_scenes(tmp_path / "g.json", scenes)
    write_scenes(tmp_path / "train.json", [s for s in scenes if s.split == "train"])
    made(tmp_path / "g.json", tmp_path / "a.parquet", split="train", corpus=tmp_path / "a.json")
    made(tmp_path / "train.json", tmp_path / "b.parquet", corpus=tmp_path / "b.json")
    first, second = (json.loads((tmp_path / f"{name}.json").read_text()) for name in "ab")
    assert first["corpora"] == second["corpora"]
    assert read_pairs(tmp_path / "a.parquet").pairs == read_pairs(tmp_path / "b.parquet").pairs


def test_nothing_vanishes_without_a_reason(tmp_path: Path) -> None:
    """G12. A scene gives pairs or reasons; a graph that gives no scene gives a reason."""
    for scene in drawn(40):
        rejects: Counter[str] = Counter()
        pairs = list(generate([scene], world="open", rejects=rejects))
        assert pairs or rejects.total()
    dirty = {
        "1": {"width": 9, "height": 9, "objects": {}},
        "2": {"objects": {}},
        "3": [],
        "4": {"width": 64, "height": 64, "objects": {"a": {"name": "cup", "x": 1, "y": 1, "w": 9, "h": 9}}},
    }
    good = {s.image_id: json.loads(line) for s, line in zip(drawn(5), _graph_lines(tmp_path), strict=True)}
    (tmp_path / "mixed.json").write_text(json.dumps({**dirty, **good}))
    report = made(tmp_path / "mixed.json", tmp_path / "p.parquet")
    assert report.rejects["graph: graph without usable objects"] == 1
    assert report.rejects["graph: graph without a picture size"] == 1
    assert report.rejects["graph: graph without objects"] == 1
    assert read_meta(tmp_path / "p.parquet").rejects == report.rejects
    assert {p.image_id for p in read_pairs(tmp_path / "p.parquet").pairs} <= {s.image_id for s in drawn(5)} | {"4"}


def _graph_lines(folder: Path) -> list[str]:
    write_scenes(folder / "five.json", drawn(5))
    return [json.dumps(graph) for graph in json.loads((folder / "five.json").read_text()).values()]


def test_a_complete_noun_is_closed_in_the_open_world(tmp_path: Path) -> None:
    things = tuple(Thing(f"{i}", "dog", Box(20 * i, 0, 9, 9), ("brown",)) for i in range(2))
    cat = Thing("c", "cat", Box(70, 0, 9, 9), ("white",))
    facts = Facts(Scene("1", 100, 100, (*things, cat)), "open", frozenset({"dog", "horse"}))
    assert facts.count("dog") == (2, 2)
    assert facts.count("cat") == (1, None)
    assert facts.count("horse") == (0, 0)
    assert facts.existing("horse") == (Truth.FALSE, "complete_noun")
    assert facts.existing("dog", ("white",)) == (Truth.FALSE, "complete_noun")
    assert facts.existing("dog", ("old",)).truth is Truth.UNKNOWN  # its things are all there, their attributes not
    assert facts.existing("cow").truth is Truth.UNKNOWN
    write_scenes(tmp_path / "g.json", [Scene("1", 100, 100, (*things, cat))])
    report = made(tmp_path / "g.json", tmp_path / "p.parquet", complete_nouns=["Dogs"], families=["count"])
    assert report.kinds == {"count": report.rows}
    assert list(report.warnings) == []
    pairs = read_pairs(tmp_path / "p.parquet").pairs
    assert {p.evidence for p in pairs} == {"complete_noun"}
    assert all("dog" in p.caption for p in pairs)
    with pytest.raises(HairsplitError, match="--complete-nouns may help"):
        made(tmp_path / "g.json", tmp_path / "q.parquet", families=["count"])
    report = made(tmp_path / "g.json", tmp_path / "r.parquet", complete_nouns=["dogs", "umbrelas"], families=["count"])
    assert list(report.warnings) == ["--complete-nouns: no graph has an 'umbrela'"]
