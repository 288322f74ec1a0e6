"""Shards from strangers: samples as WebDataset groups them; nothing of an unsafe archive is used."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Reject
from hairsplit.data.bundles import BUNDLES, Choice, Sample
from hairsplit.data.bundles._tar import shards
from hairsplit.data.formats import REASONS
from tests.data.bundles.shards import add, picture, tar

READ = BUNDLES["webdataset"].read


def read(path: Path | str) -> list[Sample | Reject]:
    return list(READ(str(path), Choice()))


def texts(entry: Sample | Reject) -> list[tuple[object, object]]:
    assert isinstance(entry, Sample), entry
    return [(row.get("caption"), row.get("negative")) for row in entry.rows]


def one(tmp_path: Path, members: Mapping[str, bytes | str]) -> Sample | Reject:
    (found,) = read(tar(tmp_path / "a.tar", members))
    return found


def test_image_caption_and_negative_make_a_sample(tmp_path: Path) -> None:
    found = one(
        tmp_path, {"dir/7.image.png": picture(), "dir/7.caption.txt": "a cup\n", "dir/7.negative.txt": "a jug\n"}
    )
    assert texts(found) == [("a cup", "a jug")]
    assert isinstance(found, Sample)
    assert found.picture == picture()
    assert found.rows[0]["image_id"] == "dir/7"
    assert found.where == "a.tar, sample dir/7"


def test_a_member_that_comes_twice_costs_its_sample_only(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        members = (("1.jpg", picture()), ("1.txt", b"a"), ("1.txt", b"b"), ("2.jpg", picture()), ("2.txt", b"c"))
        for name, data in members:
            add(archive, tarfile.TarInfo(name), data)
    first, second = read(tmp_path / "a.tar")
    assert first == Reject("a.tar, sample 1", "repeated_member", "txt")
    assert texts(second) == [("c", None)]


def test_a_record_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    found = one(tmp_path, {"1.jpg": picture(), "1.json": '{"caption": "a", "caption": "b"}'})
    assert isinstance(found, Reject)
    assert (found.reason, "'caption' stands twice" in found.detail) == ("no_text", True)


@pytest.mark.parametrize("content", [b"", b"{}", b"<html>"])
def test_what_is_no_archive_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(HairsplitError, match="not a tar archive, or torn\\n") as caught:
        read(tmp_path / "a.tar")
    assert str(caught.value).count("\n") == 1


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"caption": "a", "negative": "x\ny\nz"}, [("a", "x"), ("a", "y"), ("a", "z")]),
        ({"caption": "a\nb", "negative": "x\n\n"}, [("a", "x"), ("b", "x")]),
        ({"caption": "a\nb\nc", "negative": "x\n\nz"}, [("a", "x"), ("b", None), ("c", "z")]),
        ({"caption.txt": "a\r\nb"}, [("a", None), ("b", None)]),
        ({"txt": "one caption\nof two lines", "negative": "x"}, [("one caption\nof two lines", "x")]),
        ({"json": '{"caption": "a", "negative": ["x", "y"], "kind": "k", "other": {}}'}, [("a", "x"), ("a", "y")]),
        ({"txt": "a", "json": '{"caption": "not this one"}'}, [("a", None)]),
        ({"json": '{"pairs": [{"caption": "a", "negative": "x"}, {"caption": "b"}]}'}, [("a", "x"), ("b", None)]),
        ({"caption": "\ufeffa"}, [("a", None)]),
        ({"cls": "3", "caption": "a", "npy": b"\xff"}, [("a", None)]),
    ],
)
def test_ways_of_writing_texts(
    tmp_path: Path, members: dict[str, str | bytes], expected: list[tuple[str, str | None]]
) -> None:
    assert (
        texts(one(tmp_path, {"0.jpg": picture(), **{f"0.{name}": text for name, text in members.items()}})) == expected
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"caption": "a"}, "no_image"),
        ({"jpg": picture(), "png": picture(), "caption": "a"}, "several_images"),
        ({"jpg": picture()}, "missing_caption"),
        ({"jpg": picture(), "caption": b"\xff\xfe\xff"}, "no_text"),
        ({"jpg": picture(), "json": "{" * 100}, "no_text"),
        ({"jpg": picture(), "json": '{"a":' * 100_000}, "no_text"),
        ({"jpg": picture(), "json": "[1]"}, "no_text"),
        ({"jpg": picture(), "json": '{"weight": NaN}'}, "no_text"),
        ({"jpg": picture(), "caption": "a\nb\nc", "negative": "x\ny"}, "uneven_texts"),
    ],
)
def test_a_sample_that_makes_no_row_is_refused_with_its_reason(
    tmp_path: Path, members: dict[str, str | bytes], reason: str
) -> None:
    found = one(tmp_path, {f"0.{name}": data for name, data in members.items()})
    assert isinstance(found, Reject)
    assert found.reason == reason
    assert reason in REASONS


def bad(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (bad("/etc/0.jpg"), "absolute"),
        (bad("C:\\0.jpg"), "absolute"),
        (bad("\\\\server\\0.jpg"), "absolute"),
        (bad("../0.jpg"), "goes up"),
        (bad("a/../../0.jpg"), "goes up"),
        (bad("a\\..\\0.jpg"), "goes up"),
        (bad("0.jpg", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
        (bad("0.jpg", tarfile.LNKTYPE, "0.png"), "is a link"),
        (bad("0.jpg", tarfile.FIFOTYPE), "neither a plain file"),
        (bad("0.jpg", tarfile.CHRTYPE), "neither a plain file"),
        (bad("0.jpg", tarfile.BLKTYPE), "neither a plain file"),
    ],
)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_with_an_unsafe_member_is_refused_before_anything_is_read(
    tmp_path: Path, member: tarfile.TarInfo, message: str, mode: str
) -> None:
    tar(tmp_path / "0.tar", {"0.jpg": picture(), "0.txt": "fine"})
    with tarfile.open(tmp_path / "1.tar", mode) as archive:  # type: ignore[call-overload]
        add(archive, tarfile.TarInfo("0.txt"), b"fine")
        add(archive, member)
    seen = []
    with pytest.raises(HairsplitError, match=message) as caught:
        seen += list(READ(str(tmp_path), Choice()))
    assert seen == []
    assert caught.value.where == str(tmp_path / "1.tar")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_239))
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_cut_off_before_its_end_is_torn(tmp_path: Path, mode: str, cut: int) -> None:
    whole = tar(tmp_path / "whole.tar", {"0.jpg": picture(), "0.txt": "a", "1.jpg": picture(), "1.txt": "b"}, mode)
    raw = whole.read_bytes()
    (tmp_path / "cut").mkdir(exist_ok=True)
    part = tmp_path / "cut" / "a.tar"
    content = 512 * 4 + 1024 * 2 + 512 * 2  # what stands before the zeros that end a tar
    part.write_bytes(raw[: min(cut, content if mode == "w" else len(raw) - 1)])
    with pytest.raises(HairsplitError, match="torn"):
        read(part)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("<html>not found</html>")
    with pytest.raises(HairsplitError, match="not a tar archive, or torn"):
        read(tmp_path / "a.tar")


def test_samples_come_in_the_order_of_shards_and_members(tmp_path: Path) -> None:
    for shard in range(12):
        tar(tmp_path / f"s-{shard:02d}.tar", {f"{shard}-{n}.{e}": "x" for n in range(2) for e in ("txt", "cls")})
    found = read(tmp_path / "s-{00..11}.tar")
    assert [entry.where for entry in found] == [f"s-{s:02d}.tar, sample {s}-{n}" for s in range(12) for n in range(2)]
    assert read(tmp_path) == found


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("s-{8..11}.tar", ["s-8.tar", "s-9.tar", "s-10.tar", "s-11.tar"]),
        ("s-{008..010}.tar", ["s-008.tar", "s-009.tar", "s-010.tar"]),
        ("{a,b}-{1..2}.tar", ["a-1.tar", "a-2.tar", "b-1.tar", "b-2.tar"]),
        ("s-{2..1}.tar", ["s-2.tar", "s-1.tar"]),
        ("plain.tar", ["plain.tar"]),
    ],
)
def test_a_pattern_means_shards(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert shards(str(tmp_path / pattern)) == [tmp_path / name for name in names]


def test_missing_and_too_many_shards_and_an_empty_folder_are_clear_errors(tmp_path: Path) -> None:
    (tmp_path / "s-0.tar").touch()
    with pytest.raises(HairsplitError, match=r"2 of 3 shards are missing, the first is .*s-1.tar"):
        shards(str(tmp_path / "s-{0..2}.tar"))
    with pytest.raises(HairsplitError, match="more than 100,000 shards"):
        shards("s-{0..999999999}.tar")
    (tmp_path / "empty").mkdir()
    with pytest.raises(HairsplitError, match=r"no .tar in the folder"):
        shards(str(tmp_path / "empty"))


def test_options_of_other_bundles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="split means nothing for shards"):
        list(READ(str(tmp_path), Choice(split="train")))
