"""Rows on disk and rows in memory are the same rows, and give the same batches bit for bit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, PairsTable, read_pairs, write_pairs
from hairsplit.core.types import Edit, Pair
from hairsplit.data.batches import PairBatches
from hairsplit.data.rows import HeldRows, Rows, StoredRows, open_pairs
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.encoders.tokens import Tokenizer

IMAGES = ("a.png", "b.png", "c.png", "d.png")


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    image = draw(st.sampled_from(IMAGES))
    return Pair(
        image=image,
        image_id=draw(st.sampled_from([image[0], "same"])),
        caption=draw(st.sampled_from(["a cat", "a  Cat", "two dogs", "", "a very long text of many words"])),
        negative=draw(st.none() | st.sampled_from(["a cat", "a cup", "two cups on a long table"])),
        kind=draw(st.sampled_from("xyz")),
        source=draw(st.sampled_from(["one", "two"])),
        weight=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        edit=draw(st.none() | st.just(Edit("attribute", "p", "q"))),
        boxes=draw(st.none() | st.just("[]")),
        evidence=draw(st.none() | st.sampled_from(["geometric", "weak_absence"])),
    )


TABLES = st.lists(pairs(), min_size=1, max_size=30)
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def stored(folder: Path, rows: Sequence[Pair], group: int = 7) -> Path:
    path = folder / "pairs.parquet"
    write_pairs(path, rows, PairsMeta(), rows_per_group=group)
    return path


def same(one: Rows, two: Rows) -> None:
    assert tuple(one) == tuple(two) == one.pairs() == two.pairs()
    assert [one[n] for n in range(-len(one), len(one))] == [two[n] for n in range(-len(two), len(two))]
    assert one[1:9:2] == two[1:9:2]
    assert one.places() == two.places()
    assert one.images.present() == two.images.present()
    assert one.weights.tolist() == two.weights.tolist()
    for name in ("images", "kinds"):
        a, b = getattr(one, name), getattr(two, name)
        assert [a.names[code] for code in a.codes] == [b.names[code] for code in b.codes]
    texts = [[text for block in rows.texts() for text in zip(*block, strict=True)] for rows in (one, two)]
    assert texts[0] == texts[1] == [(pair.caption, pair.negative) for pair in one]
    evidence = [[what for block in rows.evidence() for what in block] for rows in (one, two)]
    assert evidence[0] == evidence[1] == [pair.evidence for pair in one]


@SLOW
@given(TABLES, st.integers(1, 9), st.data())
def test_rows_on_disk_are_those_in_memory_whole_and_in_part(
    tmp_path: Path, rows: list[Pair], group: int, data: st.DataObject
) -> None:
    held, left = HeldRows(rows), StoredRows(stored(tmp_path, rows, group))
    same(held, left)
    some = np.array(sorted(data.draw(st.sets(st.integers(0, len(rows) - 1)))), np.int64)
    same(held.take(some), left.take(some))
    again = np.arange(0, len(some), 2)
    same(held.take(some).take(again), left.take(some).take(again))
    assert left.pairs() == tuple(rows)


def test_places_are_in_order_of_their_last_row() -> None:
    rows = [("a", "1", "s"), ("b", "1", "s"), ("a", "1", "s"), ("c", "2", "t")]
    made = [Pair(image=i, image_id=n, caption="x", negative=None, kind="k", source=s) for i, n, s in rows]
    assert HeldRows(made).places() == [("b", "1", "s"), ("a", "1", "s"), ("c", "2", "t")]


@SLOW
@given(
    rows=TABLES,
    k=st.integers(1, 3),
    each=st.sampled_from(["pairs", "images"]),
    weights=st.sampled_from([None, "balanced", {"x": 2.0}]),
)
def test_batches_from_the_disk_are_those_from_memory_bit_for_bit(
    tmp_path: Path, rows: list[Pair], k: int, each: str, weights: object
) -> None:
    for n, image in enumerate(IMAGES):
        Image.new("RGB", (20, 16), (60 * n, 9, 200)).save(tmp_path / image)
    path = stored(tmp_path, rows)
    made: list[PairBatches] = []
    said: list[str] = []
    for table in (read_pairs(path), open_pairs(path)):
        try:
            made.append(
                PairBatches(
                    table, Tokenizer(100), Preprocess(8), batch_size=2, negatives_per_image=k,
                    image_keys={image: 7 * n for n, image in enumerate(IMAGES)}, each=each, kind_weights=weights,  # type: ignore[arg-type]
                    context_length=8, threads=1,
                )
            )  # fmt: skip
            for epoch in (0, 1):
                made[-1].epoch(epoch)
        except HairsplitError as error:
            said.append(str(error))
    assert len(said) in {0, 2}
    assert said[1:] == said[:-1]
    if not said:
        one, two = made
        assert (one.left_out, one.kinds, one.cut, one.negatives) == (two.left_out, two.kinds, two.cut, two.negatives)
        assert list(one.examples) == list(two.examples)
        for epoch in (0, 1):
            order = one.epoch(epoch).batches
            assert np.array_equal(order, two.epoch(epoch).batches)
            for row in order:
                first, second = one.batch(row), two.batch(row)
                assert first.kinds == second.kinds
                assert vars(first).keys() == vars(second).keys()
                for name, value in vars(first).items():
                    other = getattr(second, name)
                    assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, name
    for batches in made:
        batches.close()


def test_a_table_that_does_not_tell_its_evidence_has_none(tmp_path: Path) -> None:
    path = stored(tmp_path, [Pair(image="a", image_id="a", caption="x", negative="y", kind="k", source="s")] * 20)
    pq.write_table(pq.read_table(path).drop_columns(["evidence"]), path)
    assert [what for block in StoredRows(path).evidence() for what in block] == [None] * 20


def test_a_table_that_is_torn_or_of_other_types_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, [Pair(image="a", image_id="a", caption="x", negative="y", kind="k", source="s")] * 20)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(200) + whole[204:])
    with pytest.raises(HairsplitError, match="its rows are torn"):
        table = open_pairs(path)
        list(table.pairs)
    with pytest.raises(HairsplitError, match="no such pairs table"):
        open_pairs(tmp_path / "none.parquet")


def test_a_table_on_disk_is_a_table(tmp_path: Path) -> None:
    path = stored(tmp_path, [])
    table = open_pairs(path)
    assert isinstance(table, PairsTable)
    assert (len(table), list(table.pairs), list(HeldRows(()).texts())) == (0, [], [])
