"""`hairsplit train`: what is wrong is found before the first step, and a run that does not begin leaves nothing."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hairsplit import api
from hairsplit._verbs.train import _Data, _read, run_training
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.core.tables import PairsMeta, read_meta, read_pairs, relative_root, write_pairs
from hairsplit.core.types import Pair
from hairsplit.train.config import TrainConfig
from tests.train.conftest import material
from tests.train.small import Material, config, rows

__all__ = ["material"]  # fixtures


def pictures(folder: Path, count: int, suffix: str = "png") -> Path:
    """Pictures that differ, named by number."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        Image.new("RGB", (30, 24), (n, 7 * n % 256, 99)).save(folder / f"{n:02d}.{suffix}")
    return folder


def table(file: Path, images: Path, negatives: int = 2, **changes: Any) -> Path:
    """`negatives` pairs of each picture below `images`."""
    pairs = [
        Pair(
            **{
                "image": str(found.relative_to(images)),
                "image_id": found.stem,
                "caption": f"number {found.stem}",
                "negative": f"wrong {k} of {found.stem}",
                "kind": f"kind{k}",
                "source": file.stem,
            }
            | changes
        )
        for found in sorted(images.rglob("*.*"))
        for k in range(negatives)
    ]
    write_pairs(file, pairs, PairsMeta(relative_root(file, images)))
    return file


def own(material: Material, folder: Path, count: int = 20, **changes: Any) -> TrainConfig:
    """A run on pictures that a test may damage."""
    made = table(folder / "pairs.parquet", pictures(folder / "images", count))
    return config(material, **{"train": made, "val": None, "batch_size": 4, "steps": 2} | changes)


def refused(chosen: TrainConfig, out: Path) -> HairsplitError:
    with pytest.raises(HairsplitError) as caught:
        api.train(chosen, out, quiet=True)
    return caught.value


def test_a_run_leaves_all_that_tells_what_it_was(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen, out = config(material, steps=3, kind_weights={"count": 0}), tmp_path / "deep" / "run"
    summary = api.train(chosen, out)
    names = {"config.yaml", "stamp.json", "trainable.json", "metrics.jsonl", "metrics.parquet", "summary.json"}
    assert {file.name for file in out.iterdir()} == names | {"checkpoints", "state"}
    assert api.read_config(out / "config.yaml") == chosen
    stamp, written = read_json(out / "stamp.json"), read_json(out / "summary.json")
    assert (stamp["seed"], stamp["ranks"], len(stamp["config_hash"])) == (0, 1, 32)
    assert stamp["data"]["training pairs"] == read_pairs(material.train).hash
    assert (written["steps"], written["best"]) == (summary.steps, summary.best)
    counts = sum(pair.kind == "count" for pair in read_pairs(material.train).pairs)
    assert written["left_out"] == {"weight 0 of the kind count": counts}
    said = capsys.readouterr()
    assert f"left out: {counts} pairs, weight 0 of the kind count" in said.err
    assert "learning (full_encoder)" in said.err
    assert said.out == ""


def test_texts_that_the_model_cannot_read_to_their_end_are_counted_and_said_once(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = material.train.parent / "long.parquet"
    pairs = read_pairs(material.train).pairs
    long = [replace(pair, caption=f"{pair.caption} {'and more ' * 60}") for pair in pairs[:3]]
    write_pairs(table, [*long, *pairs[3:]], read_meta(material.train))
    api.train(config(material, train=table, steps=1, warmup_steps=0), tmp_path / "run")
    assert read_json(tmp_path / "run" / "summary.json")["pairs_with_a_text_cut"] == 3
    said = capsys.readouterr().err
    assert said.count("cut: 3 pairs with a text of more than 77 tokens") == 1


@pytest.mark.parametrize("how", ["file", "full folder"])
def test_an_existing_output_is_left_alone(material: Material, tmp_path: Path, how: str) -> None:
    out = tmp_path / "run"
    kept = out if how == "file" else out / "mine.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    error = refused(config(material, train=Path("nowhere")), out)  # said before anything is read
    assert error.message == "exists already; nothing was changed"
    assert error.where == str(out)
    assert kept.read_text() == "mine"


def test_an_empty_folder_may_be_there_already(material: Material, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert api.train(config(material, steps=2), tmp_path / "run", quiet=True).steps == 2


def test_a_place_that_cannot_be_written_to_is_refused(material: Material, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "run", Path("/proc/run")):
        error = refused(config(material), out)
        assert "cannot write here" in error.message
        assert error.where == str(out)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def enormous(file: Path) -> None:
    """A PNG that says it has 20,000 x 20,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "cannot read the picture"),
        (cut, r"1 of 18 pictures cannot be used, the first is '07.jpg': broken picture"),
        (enormous, "1 of 18 pictures cannot be used, the first is '07.jpg': the picture is too large"),
        (
            lambda file: file.write_text("<html>"),
            "1 of 18 pictures cannot be used, the first is '07.jpg': not a picture",
        ),
    ],
    ids=["missing", "truncated", "enormous", "html"],
)
@pytest.mark.parametrize("memory", [0, 100])
def test_a_bad_picture_is_found_before_the_first_step(
    material: Material, tmp_path: Path, damage: Callable[[Path], object], message: str, memory: int
) -> None:
    images = pictures(tmp_path / "images", 18, "jpg")
    damage(images / "07.jpg")
    made = table(tmp_path / "pairs.parquet", pictures(tmp_path / "names", 18, "jpg"))  # names it all the same
    chosen = config(material, train=made, images=images, val=None, val_share=0, batch_size=4, image_memory=memory)
    error = refused(chosen, tmp_path / "run")
    assert message in error.message
    assert error.where == str(images)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("given", [True, False])
def test_a_bad_validation_picture_is_found_before_the_first_step(
    material: Material, tmp_path: Path, given: bool
) -> None:
    chosen = own(material, tmp_path, val_share=0.2)
    if given:
        val = table(tmp_path / "val.parquet", pictures(tmp_path / "other", 3, "jpg"))
        cut(tmp_path / "other" / "01.jpg")
        error = refused(replace(chosen, val=val), tmp_path / "run")
        assert "1 of 3 pictures cannot be used, the first is '01.jpg'" in error.message
    else:
        held_out = _read(chosen).val
        assert held_out is not None
        cut(tmp_path / "images" / held_out.pairs[0].image)
        error = refused(chosen, tmp_path / "run")
        assert held_out.pairs[0].image in error.message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("image", ["../secret.png", "/etc/hostname", "a\\..\\b.png", "link.png"])
def test_a_path_that_leaves_the_images_is_refused(material: Material, tmp_path: Path, image: str) -> None:
    chosen = own(material, tmp_path, count=5)
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    bad = [replace(pair, image=image) for pair in read_pairs(chosen.train).pairs[:1]]
    write_pairs(chosen.train, [*read_pairs(chosen.train).pairs, *bad], PairsMeta("images"))
    error = refused(chosen, tmp_path / "run")
    assert "images root" in error.message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 64}, "a batch of 64 needs as many different images, and there are 18"),
        ({"train": Path("nowhere.parquet")}, "no such pairs table"),
        ({"images": Path("nowhere")}, "the images root nowhere does not exist"),
        ({"model": "nowhere/at/all"}, "no such file or folder"),
        ({"kind_weights": {"kind": 1}}, "no pair is of the kind 'kind'"),
        ({"kind_weights": {"kind0": 0, "kind1": 0}}, "no pair is left to train on"),
        ({"val_share": 0.99}, "nothing is left to train on"),
        ({"steps": None, "warmup_steps": 500}, "leaves no training"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_trained_is_said_at_once_and_leaves_nothing(
    material: Material, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    error = refused(own(material, tmp_path, **changes), tmp_path / "run")
    assert message in error.message
    assert not (tmp_path / "run").exists()


def test_a_table_without_pairs_is_refused(material: Material, tmp_path: Path) -> None:
    chosen = own(material, tmp_path)
    write_pairs(chosen.train, [], PairsMeta("images"))
    assert refused(chosen, tmp_path / "run").message == "the table has no pair"


def images_of(data: _Data) -> tuple[set[str], set[str]]:
    return {p.image for p in data.train.pairs}, {p.image for p in data.val.pairs} if data.val else set()


@pytest.mark.parametrize("seed", range(4))
def test_equal_pictures_under_two_names_are_never_on_both_sides(material: Material, tmp_path: Path, seed: int) -> None:
    images = pictures(tmp_path / "images", 15)
    for n in range(15):
        (images / f"copy{n:02d}.png").write_bytes((images / f"{n:02d}.png").read_bytes())
    chosen = config(material, train=table(tmp_path / "t.parquet", images), val=None, val_share=0.3, seed=seed)
    train, val = images_of(_read(replace(chosen, max_val_pairs=500)))
    assert train
    assert val
    assert {name.removeprefix("copy") for name in train}.isdisjoint(name.removeprefix("copy") for name in val)
    assert len(train | val) == 30


def test_the_held_out_share_is_of_images_seeded_and_loses_no_pair(material: Material, tmp_path: Path) -> None:
    chosen = own(material, tmp_path, val_share=0.25)
    data = _read(chosen)
    train, val = images_of(data)
    assert (len(train), len(val)) == (15, 5)
    assert data.val is not None
    assert len(data.train) + len(data.val) == 40
    assert images_of(_read(chosen)) == (train, val)
    assert images_of(_read(replace(chosen, seed=1))) != (train, val)
    assert images_of(_read(replace(chosen, val_share=0))) == (train | val, set())
    assert len(images_of(_read(replace(chosen, val_share=0.001)))[1]) == 1


def test_validation_takes_whole_images_up_to_the_limit_and_only_what_can_be_judged(
    material: Material, tmp_path: Path
) -> None:
    train = table(tmp_path / "pairs.parquet", pictures(tmp_path / "images", 9))
    other = pictures(tmp_path / "other", 8, "jpg")
    val = table(tmp_path / "val.parquet", other, negatives=3)
    chosen = config(material, train=train, val=val, max_val_pairs=7)
    found = _read(chosen).val
    assert found is not None
    assert len(found) == 9  # three images whole
    write_pairs(
        val,
        [replace(p, negative=p.caption if n % 2 else None) for n, p in enumerate(read_pairs(val).pairs)],
        PairsMeta("other"),
    )
    assert "no pair with a negative to validate on" in refused(chosen, tmp_path / "run").message


def test_kinds_too_rare_to_choose_a_checkpoint_are_said(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = read_pairs(material.val)
    common = next(pair for pair in given.pairs if pair.negative is not None)
    val = tmp_path / "val.parquet"
    few = [replace(common, kind="rare") for _ in range(29)]
    root = relative_root(val, given.root)
    write_pairs(val, [*(replace(common, kind="common") for _ in range(30)), *few], PairsMeta(root))
    run_training(
        config(material, val=val, max_val_pairs=99, steps=1, warmup_steps=0),
        tmp_path / "run",
        resume=False,
        quiet=False,
    )
    said = capsys.readouterr().err
    assert "too few pairs (below 30) to count in the mean over kinds that chooses the best: rare 29\n" in said
    best = read_json(tmp_path / "run" / "summary.json")["best"]
    row = next(row for row in rows(tmp_path / "run", "validation") if row["step"] == best["step"])
    assert best["value"] == row["pair_accuracy/common"]


@pytest.mark.parametrize("role", ["never", "val"])
def test_a_picture_of_an_evaluation_set_is_refused_in_training(material: Material, tmp_path: Path, role: str) -> None:
    chosen = own(material, tmp_path)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "renamed.png").write_bytes((tmp_path / "images" / "03.png").read_bytes())
    Image.new("RGB", (5, 5)).save(tmp_path / "test" / "fine.png")
    other = table(tmp_path / "test.parquet", tmp_path / "test")
    changes: dict[str, Any] = {"never": (other,)} if role == "never" else {"val": other}
    error = refused(replace(chosen, **changes), tmp_path / "run")
    assert "1 of its 2 images are in the training set" in error.message
    assert error.where == str(other)
    assert not (tmp_path / "run").exists()


def test_the_best_checkpoint_is_not_chosen_on_a_held_out_picture_of_an_evaluation_set(
    material: Material, tmp_path: Path
) -> None:
    chosen = own(material, tmp_path, val_share=0.2)
    held_out = sorted(images_of(_read(chosen))[1])
    (tmp_path / "test").mkdir()
    for name in held_out:
        (tmp_path / "test" / f"x{name}").write_bytes((tmp_path / "images" / name).read_bytes())
    other = table(tmp_path / "test.parquet", tmp_path / "test")
    assert (
        "4 of its 4 images are in the training set"
        in refused(replace(chosen, never=(other,)), tmp_path / "run").message
    )


def test_threads_and_memory_change_no_number(material: Material, tmp_path: Path) -> None:
    for n, (threads, memory) in enumerate([(1, 0), (3, 64)]):
        api.train(config(material, threads=threads, image_memory=memory), tmp_path / str(n), quiet=True)
    assert rows(tmp_path / "0") == rows(tmp_path / "1")
