"""Everything that can be mistyped, missing or torn: exit code 2, one clear message, nothing left behind."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World, paint, pair, write_table

TRAIN = ("warmup_steps=1", "batch_size=4", "validate_every=100", "save_every=100")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["captions", "{graphs}", "--world", "opne"], ("no world is called 'opne'", "open or closed")),
        (
            ["captions", "{graphs}", "--families", "relatoin"],
            ("hairsplit: --families: no family is called", "did you mean 'relation'?"),
        ),
        (["captions", "{graphs}", "--families", "count"], ("needs --world closed", "")),
        (["captions", "{graphs}", "--split", "tset"], ("no scene is of the split 'tset'", "train")),
        (["captions", "{graphs}", "--images", "gone"], ("the images root does not exist", "--images")),
        (["captions", "{graphs}", "--images", "."], ("no pair could be made", "--images")),
        (["captions", "{graphs}", "--exclude-images", "gone"], ("no such file", "pairs table")),
        (["captions", "{graphs}", "--exclude-images", "{model}/model.safetensors"], ("not a text file", "")),
        (["captions", "gone.json"], ("no such file", "draw")),
        (["captions", "{model}/model.safetensors"], ("not valid JSON", "")),
        (["import", "jsnol", "x", "--images", "."], ("FORMAT: no format is called 'jsnol'", "did you mean 'jsonl'?")),
        (["import", "jsonl", "gone", "--images", "."], ("no such annotation file", "")),
        (["import", "csv", "{test}", "--images", "gone"], ("the images folder does not exist", "--images")),
        (["evaluate", "tniy", "--on", "{test}"], ("no such file or folder", "did you mean 'tiny'?")),
        (["evaluate", "ViT-B/23", "--on", "{test}"], ("no such file or folder", "did you mean 'ViT-B/")),
        (["evaluate", "tniy", "--on", "{test}"], ("nor a hub model", "did you mean 'tiny'? if it is on the hub, HAIR")),
        (["evaluate", "{graphs}", "--on", "{test}"], ("this is no file of weights", "name the folder")),
        (["evaluate", "{test}", "--on", "{test}"], ("this is no file of weights", ".safetensors")),
        (["evaluate", "{drawn}", "--on", "{test}"], ("holds no model", "a MODEL is")),
        (["evaluate", "RN50", "--on", "{test}"], ("is a ResNet CLIP", "ViT")),
        (["evaluate", "{model}", "--on", "gone.parquet"], ("no such pairs table", "captions")),
        (["evaluate", "{model}", "--on", "{graphs}"], ("not a Parquet file", "")),
        (
            ["evaluate", "{model}", "--on", "{test}", "--images", "gone"],
            ("images root gone does not exist", "--images"),
        ),
        (["evaluate", "{model}", "--on", "{test}", "--images", "."], ("no such picture", "--images")),
        (["evaluate", "{model}", "--on", "{test}", "--device", "cdua"], ("the device 'cdua' cannot be used", "cuda:0")),
        (["evaluate", "{model}", "--on", "{test}", "--device", "cuda:99"], ("the device 'cuda:99' cannot be used", "")),
        (["evaluate", "{model}", "--on", "{test}", "--device", "meta"], ("the device 'meta' cannot be used", "")),
        (["evaluate", "{model}", "--on", "{test}", "--recognition", "gone"], ("no such folder", "")),
        (["evaluate", "{model}", "--on", "{test}", "--retrieval", "gone"], ("no such file", "")),
        (["evaluate", "{model}", "--on", "{test}", "--retrieval-split", "test"], ("a split of no file", "--retrieval")),
        (["train", "train={train}", "lerning=1"], ("unknown key 'lerning'", "config schema")),
        (["train", "train={train}", "bathc_size=4"], ("unknown key 'bathc_size'", "did you mean 'batch_size'?")),
        (["train", "train={train}", "objective=hnc_l3"], ("no objective is called", "")),
        (["train", "train={train}", "objective={{name: sum, terms: [{{loss: dpoo}}]}}"], ("did you mean 'dpo'?", "")),
        (["train", "train={train}", "model=tniy"], ("no such file or folder", "did you mean 'tiny'?")),
        (["train", "train={train}", "model={drawn}"], ("holds no model", "a MODEL is")),
        (["train", "train={train}", "model={model}", "batch_size=4096"], ("as many different images", "batch_size=")),
        (["train", "train={train}", "model={model}", "images=gone"], ("images root gone does not exist", "--images")),
        (["train", "train={train}", "model={model}", "val={train}"], ("are in the training set", "")),
        (
            ["train", "train={train}", "model={model}", "kind_weights.relatoin=2"],
            ("no pair is of the kind", "relation"),
        ),
        (["train", "train=gone.parquet"], ("no such pairs table", "")),
        (["train", "gone.yaml"], ("no such file", "")),
        (["train"], ("this key is required", "config schema")),
        (["train", "train={train}", "{model}"], ("has no value", "KEY=VALUE")),
        (["report", "gone"], ("no such folder", "hairsplit evaluate")),
        (["report", "{test}"], ("is a file, not a folder", "hairsplit evaluate")),
        (["train", "{train}"], ("not valid YAML (it is no text)", "train=FILE")),
        (["report", "{drawn}"], ("holds neither an evaluation", "hairsplit evaluate")),
        (["convert", "{model}", "--to", "opneai"], ("no layout is called 'opneai'", "did you mean 'openai'?")),
        (["convert", "{model}", "--to", "open_clip", "--activation", "relu"], ("no activation is called 'relu'", "")),
        (["convert", "{model}", "--to", "open_clip", "--activation", "gelu"], ("the model has quick_gelu", "")),
        (["convert", "{model}", "--to", "openai"], ("channels", "open_clip")),
        (["convert", "gone", "--to", "transformers"], ("no such file or folder", "a MODEL is")),
        (["convert", "{model}", "--to", "openai", "--wise-ft", "2"], ("2 is not between 0 and 1", "0 is the base")),
        (["convert", "{model}", "--to", "openai", "--wise-ft", "0.5"], ("is no run of ours", "--base MODEL")),
        (
            ["convert", "{model}", "--to", "openai", "--base", "tiny"],
            ("means nothing without --wise-ft", "--wise-ft 0.5"),
        ),
        (["draw", "--count", "0"], ("nothing to draw", "--help")),
        (["draw", "--size", "5"], ("not between 24 and 512", "--help")),
        (["draw", "--max-things", "9"], ("not between 1 and 4", "--help")),
    ],
)
def test_a_mistake_is_one_clear_message_and_leaves_nothing(
    world: World, here: Path, hairsplit: Hairsplit, words: list[str], said: tuple[str, str]
) -> None:
    places = {**vars(world), "graphs": world.drawn / "scene_graphs.json"}
    given = [word.format(**places) for word in words]
    message = refused(hairsplit(*given, *(["out"] if words[0] == "convert" else ["-o", "out"])))
    assert said[0] in message
    assert said[1] in message.split("hint: ")[1]
    left = [f for f in here.rglob("*") if f.is_file() and not f.name.endswith(".rejects.jsonl")]
    assert left == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "lossess"], "did you mean 'losses'?"),
        (["config", "show", "gone.yaml"], "no such file"),
        (["config", "show", "."], "is a folder"),
        (["config", "show", "train=x", "lr=fast"], "at lr: Input should be a valid number"),
        (["config", "show", "train=x", "objective.lamm=1"], "did you mean 'lam'?"),
        (["config", "show", "train=x", "steps=10", "warmup_steps=10"], "leaves no training"),
        (["config", "show", "train=x", "lora.rank=4"], "full_encoder has no adapters: use `trainable: lora`"),
        (["config", "show", "train=x", "trainable=lora", "lora.rank=0"], "greater than 0"),
        (["config", "show", "train=x", "trainable=lora", "lora.targets=[]"], "at least 1 item"),
        (["config", "show", "train=x", "layer_decay=1.5"], "less than or equal to 1"),
        (["config", "show", "train=x", "ema=1"], "less than 1"),
    ],
)
def test_a_mistake_in_asking_is_one_clear_message(hairsplit: Hairsplit, words: list[str], message: str) -> None:
    assert message in refused(hairsplit(*words))


@pytest.mark.parametrize("words", [["drow"], ["draw"], ["draw", "-o", "x", "--count", "many"], ["list", "--wrong"]])
def test_a_mistake_in_the_command_itself_has_code_2_as_well(hairsplit: Hairsplit, words: list[str]) -> None:
    done = hairsplit(*words)
    assert (done.code, done.out) == (2, "")
    assert "Usage: hairsplit" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("verb", ["draw", "captions", "import", "evaluate", "train", "convert", "report"])
def test_a_place_that_cannot_be_written_to_is_one_message(
    world: World, tmp_path: Path, hairsplit: Hairsplit, verb: str
) -> None:
    (tmp_path / "file").write_text('{"image": "x", "caption": "a", "negative": "b"}\n')
    evaluation = tmp_path / "e"
    if verb == "report":
        assert hairsplit("evaluate", world.model, "--on", world.test, "-o", evaluation).code == 0
    words: dict[str, list[object]] = {
        "draw": [],
        "captions": [world.drawn / "scene_graphs.json"],
        "import": ["jsonl", tmp_path / "file", "--images", world.drawn],
        "evaluate": [world.model, "--on", world.test],
        "train": [f"train={world.train}", f"model={world.model}", "steps=2", *TRAIN],
        "convert": [world.model, tmp_path / "file" / "x.pt", "--to", "open_clip"],
        "report": [evaluation],
    }
    out = [] if verb == "convert" else ["-o", tmp_path / "file" / "x.parquet"]
    assert "cannot write here" in refused(hairsplit(verb, *words[verb], *out))
    assert (tmp_path / "file").is_file()


@pytest.mark.parametrize("verb", ["draw", "captions", "evaluate", "train", "convert"])
def test_what_exists_is_never_overwritten(world: World, tmp_path: Path, hairsplit: Hairsplit, verb: str) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    words: dict[str, list[object]] = {
        "draw": ["-o", taken],
        "captions": [world.drawn / "scene_graphs.json", "-o", taken],
        "evaluate": [world.model, "--on", world.test, "-o", taken],
        "train": [f"train={world.train}", f"model={world.model}", "steps=2", *TRAIN, "-o", taken],
        "convert": [world.model, taken, "--to", "transformers"],
    }
    assert "exists already; nothing was changed" in refused(hairsplit(verb, *words[verb]))
    assert [(f.name, f.read_text()) for f in taken.iterdir()] == [("mine.txt", "mine")]


@pytest.mark.parametrize("name", ["../outside.png", "{absolute}", "torn.png", "words.png", "gone.png", "huge.png"])
@pytest.mark.parametrize("verb", ["evaluate", "train"])
def test_a_bad_picture_is_named(world: World, tmp_path: Path, hairsplit: Hairsplit, verb: str, name: str) -> None:
    images = tmp_path / "images"
    whole = paint(tmp_path / "outside.png", "red").read_bytes()
    paint(images / "fine.png", "blue")
    (images / "torn.png").write_bytes(whole[: len(whole) // 2])
    (images / "words.png").write_text("no picture")
    if name == "huge.png":
        Image.new("1", (20_000, 20_000)).save(images / name, compress_level=1)
    bad = name.format(absolute=tmp_path / "outside.png")
    table = write_table(tmp_path / "pairs.parquet", [pair("fine.png"), pair(bad)], images)
    words: dict[str, list[object]] = {
        "evaluate": [world.model, "--on", table],
        "train": [f"train={table}", f"model={world.model}", "batch_size=2", "warmup_steps=1", "steps=2", "val_share=0"],
    }
    said = refused(hairsplit(verb, *words[verb], "-o", tmp_path / "out"))
    assert bad in said


def test_a_run_folder_without_a_checkpoint_is_no_model(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("lr: 1\n")
    said = refused(hairsplit("evaluate", tmp_path / "run", "--on", world.test, "-o", tmp_path / "e"))
    assert "checkpoints/best" in said


def test_a_table_without_hard_negatives_is_told_so(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    paint(tmp_path / "a.png", "red")
    paint(tmp_path / "b.png", "blue")
    rows = [pair("a.png", negative=None), pair("b.png", negative=None)]
    table = write_table(tmp_path / "p.parquet", rows, tmp_path)
    said = refused(hairsplit("evaluate", world.model, "--on", table, "-o", tmp_path / "e"))
    assert "no pair to evaluate (2 x no_negative)" in said
    words = ("batch_size=2", "warmup_steps=1", "steps=2", "val_share=0")
    said = refused(hairsplit("train", f"train={table}", f"model={world.model}", *words, "-o", tmp_path / "r"))
    assert "needs hard negatives, and no pair has one" in said
    empty = write_table(tmp_path / "empty.parquet", [], tmp_path)
    assert "it has no rows" in refused(hairsplit("evaluate", world.model, "--on", empty, "-o", tmp_path / "e"))
    said = refused(hairsplit("train", f"train={empty}", f"model={world.model}", *words, "-o", tmp_path / "r"))
    assert "no pair" in said


@pytest.mark.parametrize("keep", ["metadata", "rows"])
def test_a_torn_pairs_table_is_named(world: World, tmp_path: Path, hairsplit: Hairsplit, keep: str) -> None:
    torn = bytearray(world.test.read_bytes())
    if keep == "metadata":
        torn[40:400] = bytes(360)
    else:
        torn = torn[: len(torn) // 2]
    (tmp_path / "torn.parquet").write_bytes(torn)
    said = refused(hairsplit("evaluate", world.model, "--on", tmp_path / "torn.parquet", "-o", tmp_path / "e"))
    assert "torn.parquet" in said


def test_a_file_that_the_system_refuses_is_one_message(tmp_path: Path, hairsplit: Hairsplit, world: World) -> None:
    """A name longer than any file system takes: the error comes from the system, not from us."""
    said = refused(hairsplit("evaluate", world.model, "--on", world.test, "-o", tmp_path / ("x" * 300)))
    assert "too long" in said.lower()
