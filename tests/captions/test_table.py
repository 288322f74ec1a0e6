from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from hairsplit.captions.generate import drawn_source
from hairsplit.captions.table import write_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_meta, read_pairs
from hairsplit.core.types import Box, Scene, Thing
from hairsplit.scenes.readers.gqa import read_scenes, write_scenes
from tests.captions.judged import findings, read_raw, summary
from tests.captions.scenes import drawn


def graphs_with_pictures(folder: Path, count: int) -> tuple[Path, Path]:
    images = folder / "images"
    images.mkdir()
    for scene in drawn(count):
        (images / str(scene.image)).touch()
    write_scenes(folder / "graphs.json", drawn(count))
    return folder / "graphs.json", images


def test_a_table_says_where_it_comes_from_and_is_true(tmp_path: Path) -> None:
    graphs, images = graphs_with_pictures(tmp_path, 40)
    report = write_captions(graphs, images, tmp_path / "out" / "pairs.parquet", world="closed", source_of=drawn_source)
    table = read_pairs(tmp_path / "out" / "pairs.parquet")
    assert report.rows == len(table) == table.meta.counts["rows"] == sum(report.kinds.values())
    assert (
        report.kinds
        == {k: n for k, n in table.meta.counts.items() if k != "rows"}
        == Counter(p.kind for p in table.pairs)
    )
    assert report.rejects == table.meta.rejects
    assert table.root.resolve() == images.resolve()
    assert list(table.meta.sources) == ["graphs.json"]
    assert table.meta.config["world"] == "closed"
    assert {p.source for p in table.pairs} == {"drawn:seen"}
    assert summary(findings(table.pairs, read_raw(graphs), "closed")) == ""


def test_workers_do_not_change_the_bytes_of_the_table(tmp_path: Path) -> None:
    graphs, images = graphs_with_pictures(tmp_path, 70)
    for workers in (1, 2):
        write_captions(graphs, images, tmp_path / f"{workers}.parquet", world="open", workers=workers)
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_scenes_without_picture_excluded_or_of_another_split_are_left_out(tmp_path: Path) -> None:
    graphs, images = graphs_with_pictures(tmp_path, 30)
    scenes = [replace(s, split="val" if i > 19 else "train") for i, s in enumerate(drawn(30))]
    scenes[0] = replace(scenes[0], image="../elsewhere.png")
    scenes[1] = replace(scenes[1], image=None)  # <id>.png is found
    write_scenes(graphs, scenes)
    (images / "00002.png").unlink()
    report = write_captions(
        graphs, images, tmp_path / "p.parquet", world="open", split="train", exclude_image_ids={"00003"}
    )
    table = read_pairs(tmp_path / "p.parquet")
    expected = {f"{i:05d}" for i in (1, *range(4, 20))}
    assert {p.image_id for p in table.pairs} <= expected
    assert "00001.png" in {p.image for p in table.pairs}
    assert report.rejects["image: file missing"] == 1
    assert report.rejects["image: path is not a plain path below the images root"] == 1
    assert report.rejects["image: excluded"] == 1


def test_without_an_images_root_the_pictures_are_taken_on_trust(tmp_path: Path) -> None:
    write_scenes(tmp_path / "g.json.gz", [replace(s, image=None) for s in drawn(10)])
    write_captions(tmp_path / "g.json.gz", None, tmp_path / "p.parquet", world="open")
    table = read_pairs(tmp_path / "p.parquet")
    assert {p.source for p in table.pairs} == {"g"}
    assert all(p.image == f"{p.image_id}.jpg" for p in table.pairs)


def test_nothing_to_write_is_an_error_that_says_why(tmp_path: Path) -> None:
    lonely = Scene("1", 64, 64, (Thing("a", "stuff", Box(0, 0, 9, 9), ("red",)),))
    write_scenes(tmp_path / "g.json", [lonely])
    with pytest.raises(HairsplitError, match=r"no pair could be made .*noun cannot be used"):
        write_captions(tmp_path / "g.json", None, tmp_path / "p.parquet", world="open")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.json"]


def test_an_input_without_graphs_is_told_as_one(tmp_path: Path) -> None:
    write_scenes(tmp_path / "g.json", [])
    with pytest.raises(HairsplitError, match="there is no graph in the input"):
        write_captions(tmp_path / "g.json", None, tmp_path / "p.parquet", world="open")


def test_mistakes_are_told_before_any_work(tmp_path: Path) -> None:
    write_scenes(tmp_path / "g.json", drawn(3))
    graphs, out = tmp_path / "g.json", tmp_path / "p.parquet"
    with pytest.raises(HairsplitError, match="images root does not exist"):
        write_captions(graphs, tmp_path / "none", out, world="open")
    with pytest.raises(HairsplitError, match="no scene is of the split 'dev'"):
        write_captions(graphs, None, out, world="open", split="dev")
    with pytest.raises(HairsplitError, match="no such file"):
        write_captions(tmp_path / "x.json", None, out, world="open")
    out.touch()
    with pytest.raises(HairsplitError, match="exists already"):
        write_captions(graphs, None, out, world="open")


@pytest.mark.parametrize("name", ["flickr8k", "nlvr"])
def test_real_graphs_give_pairs_in_the_open_world(shared: Path, tmp_path: Path, name: str) -> None:
    some = [s for s in read_scenes(shared / "realdata" / name / "scene_graphs.json.gz") if isinstance(s, Scene)][:150]
    write_scenes(tmp_path / "g.json", some)
    report = write_captions(tmp_path / "g.json", None, tmp_path / "p.parquet", world="open")
    assert report.rows > 150
    assert set(report.kinds) >= {"attribute", "relation", "role_swap"}
    assert read_meta(tmp_path / "p.parquet").rejects == report.rejects
