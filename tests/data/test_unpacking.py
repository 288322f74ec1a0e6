"""Bundles into tables: pictures under the hash of their bytes, rows imported, and back into shards without loss."""

import json
from hashlib import blake2b
from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, iterate_pairs, read_meta, read_pairs, write_pairs
from hairsplit.core.types import Edit, Pair
from hairsplit.data.importing import import_pairs
from hairsplit.data.shards import export_webdataset
from hairsplit.data.unpacking import import_bundle, store
from tests.data.bundles.shards import picture, tar


def shard(path: Path) -> Path:
    return tar(
        path,
        {
            "0.jpg": picture("red"), "0.caption": "a cup", "0.negative": "a jug", "0.json": '{"kind": "object"}',
            "1.png": picture("blue", "PNG"), "1.caption": "a\nb", "1.negative": "x\ny",
            "2.jpg": b"no picture at all", "2.caption": "a\nb\nc",
            "3.jpg": picture("red")[:-40], "3.caption": "torn",
            "4.jpg": picture("red"), "4.caption": "the same picture", "4.negative": "n",
            "5.caption": "no picture",
        },
    )  # fmt: skip


def test_pictures_are_kept_once_under_their_hash_and_what_is_none_is_counted(tmp_path: Path) -> None:
    shard(tmp_path / "s.tar")
    report = import_bundle("webdataset", str(tmp_path / "s.tar"), tmp_path / "p.parquet")
    assert report.rejects == {"broken_image": 4, "no_image": 1}  # three captions of one, one of the other
    table = read_pairs(report.out)
    assert [(p.caption, p.negative, p.image_id, p.kind) for p in table.pairs] == [
        ("a cup", "a jug", "0", "object"), ("a", "x", "1", "unnamed"), ("b", "y", "1", "unnamed"),
        ("the same picture", "n", "4", "unnamed"),
    ]  # fmt: skip
    red = blake2b(picture("red"), digest_size=16).hexdigest()
    assert table.pairs[0].image == table.pairs[3].image == f"{red[:2]}/{red}.jpg"
    assert (table.root / table.pairs[0].image).read_bytes() == picture("red")
    assert table.root == tmp_path / "p_images"
    files = [p.name for p in (tmp_path / "p_images").rglob("*") if p.is_file()]
    assert len(files) == 2
    assert read_meta(report.out).rejects == report.rejects


def test_other_workers_give_the_same_bytes_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    shard(tmp_path / "s.tar")
    tables = []
    for n, workers in enumerate((1, 4, 4)):
        out = tmp_path / str(min(n, 1)) / "p.parquet"
        import_bundle("webdataset", str(tmp_path / "s.tar"), out, workers=workers, overwrite=True)
        tables.append(out.read_bytes())
    assert tables[0] == tables[1] == tables[2]


def test_the_rows_that_are_left_make_other_tables(tmp_path: Path) -> None:
    shard(tmp_path / "s.tar")
    import_bundle("webdataset", str(tmp_path / "s.tar"), tmp_path / "p.parquet")
    again = import_pairs(
        "unpacked", tmp_path / "p.rows.jsonl", tmp_path / "p_images", tmp_path / "q.parquet", kinds=["object"]
    )
    assert [p.caption for p in iterate_pairs(again.out)] == ["a cup"]


def test_a_limit_stops_the_unpacking_and_pictures_that_are_not_wanted_are_not_kept(tmp_path: Path) -> None:
    shard(tmp_path / "s.tar")
    source = str(tmp_path / "s.tar")
    two = import_bundle("webdataset", source, tmp_path / "two.parquet", limit=2, workers=1)
    assert (two.pairs, two.read) == (2, 2)
    one = import_bundle("webdataset", source, tmp_path / "one.parquet", kinds=["object"])
    assert one.rejects == {"excluded_kind": 7, "no_image": 1}
    assert len([p for p in (tmp_path / "one_images").rglob("*") if p.is_file()]) == 1
    other = import_bundle("webdataset", source, tmp_path / "other.parquet", exclude_image_ids=["0", "2", "3"])
    assert other.rejects["excluded_image"] == 5


def test_an_unsafe_shard_leaves_no_table(tmp_path: Path) -> None:
    shard(tmp_path / "0.tar")
    tar(tmp_path / "1.tar", {"../x.jpg": picture()})
    with pytest.raises(HairsplitError, match="goes up"):
        import_bundle("webdataset", str(tmp_path / "{0..1}.tar"), tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()
    assert not (tmp_path / "p.rows.jsonl").exists()
    assert not [p for p in (tmp_path / "p_images").rglob("*") if p.is_file()]


def test_an_existing_table_is_not_touched_and_an_unknown_bundle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_text("mine")
    with pytest.raises(HairsplitError, match="exists already"):
        import_bundle("webdataset", "none.tar", tmp_path / "p.parquet")
    with pytest.raises(HairsplitError, match="no bundle is called 'webdatset'"):
        import_bundle("webdatset", "none.tar", tmp_path / "q.parquet")


def test_a_picture_written_wrongly_before_is_written_again(tmp_path: Path) -> None:
    name = store(picture(), tmp_path, "here")
    assert isinstance(name, str)
    (tmp_path / name).write_bytes(b"half")
    assert store(picture(), tmp_path, "here") == name
    assert (tmp_path / name).read_bytes() == picture()


def full_table(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    pairs = []
    for n, colour in enumerate(("red", "blue", "lime")):
        (folder / "images" / f"{n}.jpeg").write_bytes(picture(colour))
        for m in range(n + 1):
            pairs.append(
                Pair(
                    image=f"{n}.jpeg", image_id=f"id {n}", caption=f"caption {n} {m} ö",
                    negative=f"not {m}" if m else None,
                    kind=f"kind {m}", source="somewhere", edit=Edit("object", "a", "") if m else None,
                    evidence="human", caption_form='{"op": 1}', negative_form=None, boxes="[]",
                    group_id=f"g{n}", weight=0.5 * m,
                )
            )  # fmt: skip
    write_pairs(folder / "pairs.parquet", pairs, PairsMeta("images"))
    return folder / "pairs.parquet"


@pytest.mark.parametrize("samples", ["images", "pairs"])
def test_a_table_exported_and_imported_is_the_same_table(tmp_path: Path, samples: str) -> None:
    table = full_table(tmp_path / "a")
    made = export_webdataset(table, tmp_path / "shards", samples=samples)  # type: ignore[arg-type]
    assert (made.pairs, made.samples, made.shards) == (6, 3 if samples == "images" else 6, 1)
    back = read_pairs(import_bundle("webdataset", str(tmp_path / "shards"), tmp_path / "b.parquet").out)
    before = read_pairs(table)
    assert len(back) == 6
    for one, two in zip(before.pairs, back.pairs, strict=True):
        assert {**vars(one), "image": ""} == {**vars(two), "image": ""}
        assert (before.root / one.image).read_bytes() == (back.root / two.image).read_bytes()


def test_shards_are_the_same_bytes_again_and_are_closed_when_large_enough(tmp_path: Path) -> None:
    table = full_table(tmp_path / "a")
    big = tmp_path / "a" / "images" / "1.jpeg"
    big.write_bytes(picture("blue") + bytes(1_000_000))  # behind the end of a JPEG anything may follow
    for name in ("one", "two"):
        made = export_webdataset(table, tmp_path / name, shard_megabytes=1)
        assert (made.shards, made.samples) == (2, 3)
        assert str(made).endswith("shard-{000000..000001}.tar")
    shards = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert shards == ["shard-000000.tar", "shard-000001.tar"]
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in shards)


def test_a_missing_or_broken_picture_stops_an_export_and_nothing_is_left(tmp_path: Path) -> None:
    table = full_table(tmp_path / "a")
    (tmp_path / "a" / "images" / "2.jpeg").unlink()
    with pytest.raises(HairsplitError, match=r"cannot read the picture '2.jpeg'"):
        export_webdataset(table, tmp_path / "shards")
    assert list((tmp_path / "shards").iterdir()) == []
    (tmp_path / "a" / "images" / "2.jpeg").write_text("words")
    with pytest.raises(HairsplitError, match=r"'2.jpeg' is not a picture"):
        export_webdataset(table, tmp_path / "shards")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(HairsplitError, match="exists already"):
        export_webdataset(table, tmp_path / "full")


def test_members_are_named_by_what_they_are(tmp_path: Path) -> None:
    import tarfile

    export_webdataset(full_table(tmp_path / "a"), tmp_path / "shards")
    with tarfile.open(tmp_path / "shards" / "shard-000000.tar") as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    assert members["000000002.caption.txt"].decode() == "caption 2 0 ö\ncaption 2 1 ö\ncaption 2 2 ö"
    assert members["000000002.negative.txt"] == b"\nnot 1\nnot 2"
    assert members["000000002.image.jpg"] == picture("lime")
    assert len(json.loads(members["000000002.json"])["pairs"]) == 3
    assert "000000000.negative.txt" not in members


def test_shards_without_a_sample_are_an_error_that_names_them(tmp_path: Path) -> None:
    tar(tmp_path / "s.tar", {})
    with pytest.raises(HairsplitError, match="holds no sample") as caught:
        import_bundle("webdataset", str(tmp_path / "s.tar"), tmp_path / "p.parquet")
    assert caught.value.where == str(tmp_path / "s.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["s.tar"]
