"""`hairsplit import webdataset`, `import hub` and `export`: a road of commands, and clear refusals."""

from pathlib import Path

from hairsplit.core.tables import read_pairs
from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World


def test_a_table_goes_out_as_shards_and_comes_back(hairsplit: Hairsplit, world: World, tmp_path: Path) -> None:
    done = hairsplit("export", world.test, "--to", "webdataset", "--out", tmp_path / "shards")
    assert done.code == 0, done.err
    assert "shard-000000.tar" in done.out
    pattern = tmp_path / "shards" / "shard-{000000..000000}.tar"
    done = hairsplit("import", "webdataset", pattern, "--out", tmp_path / "back.parquet")
    assert done.code == 0, done.err
    before, back = read_pairs(world.test), read_pairs(tmp_path / "back.parquet")
    assert [(p.caption, p.negative, p.kind, p.image_id) for p in back.pairs] == [
        (p.caption, p.negative, p.kind, p.image_id) for p in before.pairs
    ]


def test_options_and_places_that_do_not_fit_are_refused(hairsplit: Hairsplit, world: World, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "x.parquet")
    assert "nothing is fetched unless asked" in refused(hairsplit("import", "hub", "someone/something", *out))
    assert "1 of 1 shards are missing" in refused(hairsplit("import", "webdataset", tmp_path / "no.tar", *out))
    assert "split means nothing for jsonl" in refused(hairsplit("import", "jsonl", "a.jsonl", "--split", "x", *out))
    assert "split means nothing for shards" in refused(hairsplit("import", "webdataset", "a", "--split", "x", *out))
    assert "drops means nothing" in refused(hairsplit("import", "webdataset", "a", "--drop", "noisy", *out))
    assert "names no column" in refused(hairsplit("import", "hub", "a", "--column", "caption", *out))
    assert "the images folder is missing" in refused(hairsplit("import", "jsonl", "a.jsonl", *out))
    assert "cannot export to 'csv'" in refused(hairsplit("export", world.test, "--to", "csv", "-o", tmp_path / "y"))
    assert "no sample is one of 'rows'" in refused(
        hairsplit("export", world.test, "--samples", "rows", "-o", tmp_path / "y")
    )
    assert not list(tmp_path.iterdir())


def test_bundles_are_listed(hairsplit: Hairsplit) -> None:
    done = hairsplit("list", "bundles")
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["hub", "webdataset"]
