"""The pairs table: what is written is read again, what is not ours is refused, a failure leaves nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import file_hash
from hairsplit.core.tables import (
    KEY,
    SCHEMA,
    VERSION,
    PairsMeta,
    is_weak,
    iterate_pairs,
    read_meta,
    read_pairs,
    refuse_weak,
    relative_root,
    write_pairs,
)
from hairsplit.core.types import Edit, Pair

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MAYBE = st.none() | TEXT
PAIRS = st.builds(
    Pair,
    image=TEXT,
    image_id=TEXT,
    caption=TEXT,
    negative=MAYBE,
    kind=TEXT,
    source=TEXT,
    edit=st.none() | st.builds(Edit, role=st.sampled_from(["subject", "count"]), before=TEXT, after=TEXT),
    evidence=MAYBE,
    caption_form=MAYBE,
    negative_form=MAYBE,
    boxes=MAYBE,
    group_id=MAYBE,
    weight=st.none() | st.floats(allow_nan=False),
)


def pair(number: int) -> Pair:
    return Pair(
        image=f"{number}.png", image_id=str(number), caption="a cup", negative="a jug", kind="object", source="drawn"
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(PAIRS, max_size=7), block=st.integers(1, 4))
def test_pairs_come_back_as_they_were_written(tmp_path: Path, pairs: list[Pair], block: int) -> None:
    path = tmp_path / "pairs.parquet"
    assert write_pairs(path, iter(pairs), PairsMeta(), rows_per_group=block) == len(pairs)
    assert list(iterate_pairs(path)) == pairs


def test_the_table_says_where_it_came_from(tmp_path: Path) -> None:
    images = tmp_path / "data" / "images"
    images.mkdir(parents=True)
    path = tmp_path / "tables" / "pairs.parquet"
    meta = PairsMeta(
        relative_root(path, images), {"a.json": "0" * 32}, {"seed": 1, "kinds": ["x"]}, {"images": 3}, {"empty": 2}
    )
    write_pairs(path, map(pair, range(3)), meta)
    table = read_pairs(path)
    assert table.meta.images_root == "../data/images"
    assert table.root.resolve() == images
    assert table.meta.counts == {"images": 3, "rows": 3}
    assert (table.meta.rejects, table.meta.config, table.meta.sources) == (meta.rejects, meta.config, meta.sources)
    assert (len(table), table.hash, table.path) == (3, file_hash(path), path)


def test_counts_may_be_filled_in_while_the_rows_are_written(tmp_path: Path) -> None:
    counts: dict[str, int] = {}

    def rows() -> Iterator[Pair]:
        yield pair(0)
        counts["seen"] = 1

    write_pairs(tmp_path / "pairs.parquet", rows(), PairsMeta(counts=counts))
    assert read_meta(tmp_path / "pairs.parquet").counts == {"seen": 1, "rows": 1}


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        write_pairs(tmp_path / name, map(pair, range(20)), PairsMeta(), rows_per_group=6)
    assert file_hash(tmp_path / "a.parquet") == file_hash(tmp_path / "b.parquet")


def test_table_and_images_can_move_together(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "images").mkdir(parents=True)
    write_pairs(old / "pairs.parquet", [pair(1)], PairsMeta(relative_root(old / "pairs.parquet", old / "images")))
    old.rename(new)
    assert read_pairs(new / "pairs.parquet").root == new / "images"


def test_a_missing_images_root_is_an_error_and_can_be_given_anew(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, [pair(1)], PairsMeta("gone"))
    with pytest.raises(HairsplitError, match="does not exist") as caught:
        read_pairs(path)
    assert "--images" in caught.value.hint
    assert read_pairs(path, images=tmp_path).root == tmp_path


def test_a_generator_that_fails_leaves_no_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    def failing() -> Iterator[Pair]:
        yield pair(1)
        raise RuntimeError("disk on fire")

    path = tmp_path / "pairs.parquet"
    with pytest.raises(RuntimeError, match="on fire"):
        write_pairs(path, failing(), PairsMeta(), rows_per_group=1)
    assert list(tmp_path.iterdir()) == []
    write_pairs(path, [pair(1)], PairsMeta())
    before = file_hash(path)
    with pytest.raises(RuntimeError, match="on fire"):
        write_pairs(path, failing(), PairsMeta(), rows_per_group=1)
    assert (list(tmp_path.iterdir()), file_hash(path)) == ([path], before)


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
def test_a_torn_table_is_an_error(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, map(pair, range(9)), PairsMeta())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep > 1 else keep * len(whole))])
    with pytest.raises(HairsplitError, match="not a Parquet file"):
        read_pairs(path)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="no such pairs table"):
        read_pairs(tmp_path / "none.parquet")


def test_a_table_of_someone_else_is_an_error_that_names_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"image": ["a"], "caption": ["b"]}), path)
    with pytest.raises(HairsplitError, match="lacks the columns image_id, negative, kind, source"):
        read_meta(path)
    required = SCHEMA.names[:6]
    pq.write_table(pa.table({name: ["x"] for name in required}), path)
    with pytest.raises(HairsplitError, match="no metadata of ours"):
        read_meta(path)


def test_a_table_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, [pair(1)], PairsMeta(version=VERSION + 1))
    with pytest.raises(HairsplitError, match="is newer than"):
        read_meta(path)


def test_unknown_metadata_and_missing_optional_columns_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, [pair(1)], PairsMeta())
    table = pq.read_table(path).drop_columns(["weight", "boxes", "edit_role", "edit_from", "edit_to"])
    metadata = {KEY: json.dumps({"version": VERSION, "images_root": ".", "mood": "fine"}).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    assert read_pairs(path).pairs == (pair(1),)


def test_some_columns_can_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, [pair(1)], PairsMeta())
    with pytest.raises(TypeError, match="caption"):
        list(iterate_pairs(path, columns=["image"]))
    assert next(iterate_pairs(path, columns=["image", "image_id", "caption", "negative", "kind", "source"])) == pair(1)


def rewritten(path: Path, **columns: pa.Array) -> Path:
    """A pairs table with some columns of another kind."""
    write_pairs(path, map(pair, range(3)), PairsMeta())
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, values)
    footer = pq.read_metadata(path).metadata
    pq.write_table(table.replace_schema_metadata({KEY: footer[KEY]}), path)
    return path


def test_torn_rows_behind_a_sound_footer_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, map(pair, range(9)), PairsMeta())
    torn = bytearray(path.read_bytes())
    torn[30:200] = bytes(170)
    path.write_bytes(torn)
    with pytest.raises(HairsplitError, match="its rows are torn") as caught:
        list(iterate_pairs(path))
    assert caught.value.where == str(path)


@pytest.mark.parametrize("raw", [b"{torn", b"[1]", b"\xff"])
def test_torn_metadata_is_an_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "pairs.parquet"
    write_pairs(path, [pair(1)], PairsMeta())
    pq.write_table(pq.read_table(path).replace_schema_metadata({KEY: raw}), path)
    with pytest.raises(HairsplitError, match="metadata is torn"):
        read_meta(path)


def test_a_column_of_another_type_or_with_empty_cells_is_named(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "a.parquet", image=pa.array([1, 2, 3]))
    with pytest.raises(HairsplitError, match="'image' holds int64, not string"):
        read_pairs(path)
    path = rewritten(tmp_path / "b.parquet", kind=pa.array(["a", None, "b"]))
    with pytest.raises(HairsplitError, match="'kind' has empty cells"):
        read_pairs(path)


def test_text_that_other_programs_store_in_their_way_is_read(tmp_path: Path) -> None:
    kinds = pa.array(["a", "b", "a"]).dictionary_encode()
    empty = pa.array([None] * 3)
    path = rewritten(tmp_path / "a.parquet", kind=kinds, image=pa.array(list("abc"), pa.large_string()), negative=empty)
    assert [(p.kind, p.image, p.negative) for p in read_pairs(path).pairs] == [
        ("a", "a", None),
        ("b", "b", None),
        ("a", "c", None),
    ]


def test_a_table_whose_negatives_may_be_true_measures_nothing(tmp_path: Path) -> None:
    configs: list[dict[str, bool]] = [{}, {"weak_absence": False}, {"weak_absence": True}]
    for config in configs:
        write_pairs(tmp_path / "p.parquet", [pair(1)], PairsMeta(config=config))
        table = read_pairs(tmp_path / "p.parquet")
        assert is_weak(table) == bool(config.get("weak_absence"))
        if is_weak(table):
            with pytest.raises(HairsplitError, match="may be true: they rest on absence") as caught:
                refuse_weak(table, "val: p.parquet")
            assert caught.value.where == "val: p.parquet"
        else:
            refuse_weak(table, "val: p.parquet")


def test_a_row_that_rests_on_absence_tells_of_itself_in_any_table(tmp_path: Path) -> None:
    """An imported table has a config of its own; what the rows rest on comes with them."""
    rows = [replace(pair(n), evidence=evidence) for n, evidence in enumerate((None, "geometric", "weak_absence"))]
    for name, some in {"proved": rows[:2], "weak": rows}.items():
        path = tmp_path / f"{name}.parquet"
        write_pairs(path, some, PairsMeta(config={"format": "jsonl"}), rows_per_group=1)
        assert is_weak(read_pairs(path)) == (name == "weak")
        assert read_meta(path).config["format"] == "jsonl"
