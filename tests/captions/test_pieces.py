"""`--shard-size`: one table in several files; the same rows, and merged the same bytes, however many."""

from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.captions._pieces import _numbered, write_pieces
from hairsplit.captions.merge import Thinning, merge_tables
from hairsplit.captions.table import write_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import KEY, SCHEMA, PairsMeta, arrow_table, read_meta, read_pairs
from hairsplit.core.types import Pair
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.scenes import drawn

COUNT = 40


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    (folder / "images").mkdir()
    for scene in drawn(COUNT):
        (folder / "images" / str(scene.image)).touch()
    write_scenes(folder / "g.json", drawn(COUNT))
    return folder / "g.json"


@pytest.mark.parametrize("size", [7, 1_000])
@pytest.mark.parametrize("thinning", [Thinning(None), Thinning(), Thinning(0.1), Thinning(balance=True)])
def test_files_of_any_size_hold_the_rows_of_the_one_file_and_join_to_it(
    thinning: Thinning, size: int, graphs: Path, tmp_path: Path
) -> None:
    one, folder, again = tmp_path / "one.parquet", tmp_path / "cut", tmp_path / "again.parquet"
    images = graphs.parent / "images"
    report = write_captions(graphs, images, one, world="open", thinning=thinning)
    assert write_captions(graphs, images, folder, world="open", thinning=thinning, shard_size=size) == report
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"part-{n:05d}.parquet" for n in range(-(-report.images // size))]
    tables = [read_pairs(file) for file in files]
    assert tuple(pair for table in tables for pair in table.pairs) == read_pairs(one).pairs
    assert {table.root.resolve() for table in tables} == {images.resolve()}
    shown = [{pair.image_id for pair in table.pairs} for table in tables]
    assert {len(ids) for ids in shown[:-1]} <= {size}
    assert sum(map(len, shown)) == len(set().union(*shown)) == report.images
    assert sum(table.meta.counts["rows"] for table in tables) == report.rows
    joined = merge_tables([folder] if size == 7 else files[::-1], again, thinning=Thinning())
    assert replace(joined, balance=list(joined.balance), warnings=report.warnings) == replace(
        report, balance=list(report.balance)
    )
    assert again.read_bytes() == one.read_bytes()


def test_a_missing_file_a_shard_and_thinning_again_are_refused(graphs: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "cut", tmp_path / "out.parquet"
    write_captions(graphs, None, folder, world="open", shard_size=15)
    files = sorted(folder.iterdir())
    assert len(files) == 3
    for some, missing in ((files[1:], 0), (files[::2], 1), (files[:2], 2)):
        with pytest.raises(HairsplitError, match=f"part-0000{missing}.parquet is missing"):
            merge_tables(some, out, thinning=Thinning())
    with pytest.raises(HairsplitError, match="thinned before they were cut"):
        merge_tables([folder], out, thinning=Thinning(0.2))
    one = tmp_path / "one.parquet"
    write_captions(graphs, None, one, world="open")
    with pytest.raises(HairsplitError, match="no file of --shard-size"):
        merge_tables([folder, one], out, thinning=Thinning())
    with pytest.raises(HairsplitError, match="no table is in the folder"):
        merge_tables([graphs.parent / "images"], out, thinning=Thinning())
    assert not out.exists()


def test_what_cannot_be_is_told_before_any_work(graphs: Path, tmp_path: Path) -> None:
    for options, problem in (
        ({"shard_size": 0}, "shard_size is 0"),
        ({"shard_size": 5, "shard": (0, 2)}, "a shard is one file"),
    ):
        with pytest.raises(HairsplitError, match=problem):
            write_captions(graphs, None, tmp_path / "x", world="open", **options)
    with pytest.raises(HairsplitError, match="exists already"):
        write_captions(graphs, None, graphs.parent, world="open", shard_size=5)
    assert not (tmp_path / "x").exists()


def row(image_id: str) -> Pair:
    return Pair(image=f"{image_id}.jpg", image_id=image_id, caption="a", negative="b", kind="object", source="s")


@given(lengths=st.lists(st.integers(1, 4), max_size=8), images=st.integers(1, 4), cuts=st.lists(st.integers(0, 30)))
def test_images_stay_whole_however_the_rows_come(lengths: list[int], images: int, cuts: list[int]) -> None:
    ids = [f"{n:02d}" for n, length in enumerate(lengths) for _ in range(length)]
    whole, ends = arrow_table([row(key) for key in ids]), sorted({0, len(ids), *(c for c in cuts if c < len(ids))})
    blocks = [whole.slice(a, b - a) for a, b in pairwise(ends)]
    found = list(_numbered([*blocks, SCHEMA.empty_table()], images))
    assert pa.concat_tables([whole.slice(0, 0), *(rows for _, rows, _ in found)]).equals(whole)
    assert [last for *_, last in found] == [False] * (len(found) - 1) + [True] * bool(found)
    seen = [
        {i for _, rows, _ in group for i in rows["image_id"].to_pylist()} for _, group in groupby(found, lambda f: f[0])
    ]
    assert seen == [set(sorted(set(ids))[n : n + images]) for n in range(0, len(set(ids)), images)]


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def blocks() -> object:
        yield arrow_table([row("a"), row("b")])
        raise HairsplitError("torn", where="here", hint="none")

    with pytest.raises(HairsplitError, match="torn"):
        write_pieces(tmp_path / "cut", blocks(), PairsMeta(), 1)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_parts_of_an_older_version_without_the_newest_columns_are_merged(graphs: Path, tmp_path: Path) -> None:
    parts = [tmp_path / f"{i}.parquet" for i in range(2)]
    for number, part in enumerate(parts):
        write_captions(graphs, None, part, world="open", shard=(number, 2))
        old = pq.read_table(part).drop_columns(["p_label_error"])
        pq.write_table(old.replace_schema_metadata({KEY: pq.read_metadata(part).metadata[KEY]}), part)
    merge_tables(parts, tmp_path / "out.parquet", thinning=Thinning())
    assert {pair.p_label_error for pair in read_pairs(tmp_path / "out.parquet").pairs} == {None}
    assert read_meta(tmp_path / "out.parquet").counts["rows"] > 100
