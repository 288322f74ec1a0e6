"""The command line: each verb, each thing that can be mistyped, and a process of its own where that matters."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from hairsplit import __version__
from hairsplit.cli.main import app
from hairsplit.core.tables import iterate_pairs
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.readers.gqa import write_scenes
from tests.cli.conftest import Done, Hairsplit, refused
from tests.small_world import World, paint

VERBS = sorted(str(command.name or getattr(command.callback, "__name__", "")) for command in app.registered_commands)


def process(*words: str, code: str | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *(["-c", code] if code else ["-m", "hairsplit", *words])]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_version_is_told_by_the_module_too() -> None:
    done = process("--version")
    assert (done.returncode, done.stdout) == (0, f"hairsplit {__version__}\n")


def test_help_of_every_verb_loads_no_torch() -> None:
    words = [["--help"], *([verb, "--help"] for verb in VERBS), ["config", "--help"], ["config", "schema", "--help"]]
    code = (
        "import sys\nfrom hairsplit.cli.main import main\n"
        f"for words in {words!r}:\n"
        "    try:\n        main(words)\n"
        "    except SystemExit as end:\n        assert not end.code, (words, end.code)\n"
        "    assert not {'torch', 'transformers', 'pyarrow', 'numpy'} & set(sys.modules), words\n"
    )
    done = process(code=code)
    assert done.returncode == 0, done.stderr
    for verb in VERBS:
        assert f"hairsplit {verb}" in done.stdout


def test_drawing_and_captions_load_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom hairsplit.cli.main import main\n"
        "for words in sys.argv[1:]:\n"
        "    try:\n        main(words.split())\n"
        "    except SystemExit as end:\n        assert not end.code, (words, end.code)\n"
        "assert 'torch' not in sys.modules"
    )
    graphs = tmp_path / "d" / "scene_graphs.json"
    words = [f"draw -o {tmp_path / 'd'} --count 12 --size 24 --recognition 0", f"captions {graphs} -o {tmp_path / 'p'}"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def interrupted(words: list[str], folder: Path, begun: str, send: int = signal.SIGINT) -> tuple[int, str]:
    """Run a command, press Ctrl-C (or `send`) when a file `begun` appears in `folder`; exit code and error stream."""
    # A shell without job control starts background jobs with SIGINT ignored, and children inherit that.
    code = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from hairsplit.cli.main import main\nmain()"
    running = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 180  # a busy machine starts processes slowly
    while not list(folder.glob(begun)) and time.monotonic() < deadline and running.poll() is None:
        time.sleep(0.01)
    os.killpg(running.pid, send)  # as a terminal does: the parent and its workers alike
    _, err = running.communicate(timeout=60)
    return running.returncode, err


INTERRUPTED = (130, "hairsplit: interrupted; nothing half-written was kept\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_nothing_half_written_and_exits_with_130(tmp_path: Path, workers: str) -> None:
    out = tmp_path / "d"
    words = ["draw", "-o", str(out), "--count", "100000", "--size", "24", "--workers", workers]
    assert interrupted(words, out, ".partial*/images/*") == INTERRUPTED
    assert list(out.iterdir()) == []


def test_an_end_of_time_leaves_nothing_half_written_and_exits_with_143(tmp_path: Path) -> None:
    out = tmp_path / "d"
    words = ["draw", "-o", str(out), "--count", "100000", "--size", "24"]
    assert interrupted(words, out, ".partial*/images/*", signal.SIGTERM) == (143, INTERRUPTED[1])
    assert list(out.iterdir()) == []


def test_ctrl_c_while_caption_workers_start_is_one_line(tmp_path: Path) -> None:
    scenes = [scene(DrawnWorld(size=24), 0, f"{n}") for n in range(3000)]
    write_scenes(tmp_path / "graphs.json", scenes)
    out = tmp_path / "made" / "pairs.parquet"
    words = ["captions", str(tmp_path / "graphs.json"), "-o", str(out), "--world", "closed", "--workers", "2"]
    assert interrupted(words, out.parent, ".pairs.parquet.*") == INTERRUPTED  # the table is begun, then the workers
    assert list(out.parent.iterdir()) == []


@pytest.mark.slow
def test_ctrl_c_stops_training_between_two_steps_and_says_how_to_go_on(world: World, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["train", f"train={world.train}", f"model={world.model}", "steps=100000", "batch_size=4", "save_every=1"]
    code, err = interrupted([*words, "-o", str(out)], out, "state/state.pt")
    assert code == 130
    assert "hairsplit: " + str(out) + ": stopped at step " in err
    assert err.endswith(f"of 100000 as asked\n  hint: hairsplit train --out {out} --resume goes on from there\n")
    assert (out / "state" / "state.pt").is_file()


def test_a_disk_that_takes_no_more_is_one_message(tmp_path: Path) -> None:
    code = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        "from hairsplit.cli.main import main\nmain(['draw', '-o', sys.argv[1], '--count', '3', '--recognition', '0'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True, check=False
    )
    assert refused(Done(done.returncode, done.stdout, done.stderr)).startswith("hairsplit: File too large")
    assert list((tmp_path / "d").iterdir()) == []


def test_a_terminal_without_greek_letters_is_no_reason_to_fail(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hairsplit: Hairsplit
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    assert hairsplit("evaluate", world.model, "--on", world.test, "-o", tmp_path / "e").code == 0
    sys.stdout.flush()
    assert b"the ratio of Acc@? inverts" in raw.getvalue()


def test_draw_says_what_it_made(tmp_path: Path, hairsplit: Hairsplit) -> None:
    done = hairsplit("draw", "-o", tmp_path / "d", "--count", 10, "--size", 24, "--recognition", 1)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"8 train, 1 val, 1 test scenes and 64 pictures of 64 classes are in {tmp_path / 'd'}\n"


def test_captions_lists_kinds_and_reasons_one_a_line(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    graphs = world.drawn / "scene_graphs.json"
    done = hairsplit(
        *("captions", graphs, "-o", tmp_path / "p.parquet", "--images", world.drawn / "images", "--world", "closed"),
        *("--split", "test", "--families", "relation, count", "--negatives", 2),
    )
    assert done.code == 0
    lines = done.out.splitlines()
    rows = list(iterate_pairs(tmp_path / "p.parquet"))
    assert lines[0] == f"{len(rows)} pairs of {len({r.image for r in rows})} images in {tmp_path / 'p.parquet'}"
    assert lines[1] == "pairs, by kind:"
    assert lines[2].split() == [str(sum(row.kind == "count" for row in rows)), "count"]
    assert lines[4] == "left out, by reason:"
    assert all(line.startswith("  ") and len(line) < 100 for line in lines[5:])
    assert len(lines) > 5


def test_images_of_a_table_or_of_a_list_are_left_out(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    graphs, images = world.drawn / "scene_graphs.json", world.drawn / "images"
    (tmp_path / "ids.txt").write_text("train_000000\n\ntrain_000001\n")
    for number, (excluded, count) in enumerate([(world.train, 20), (tmp_path / "ids.txt", 98)]):
        out = tmp_path / f"{number}.parquet"
        done = hairsplit("captions", graphs, "-o", out, "--images", images, "--exclude-images", excluded)
        assert done.code == 0
        left = {row.image_id for row in iterate_pairs(out)}
        assert not left & (
            {"train_000000", "train_000001"} if number else {r.image_id for r in iterate_pairs(excluded)}
        )
        assert len(left) <= count


def test_import_tells_what_was_left_out(tmp_path: Path, hairsplit: Hairsplit) -> None:
    paint(tmp_path / "images" / "a.png", "red")
    names = ["a.png", "../a.png", "/a.png", "gone.png"]
    rows = [{"image": name, "caption": "a wall", "negative": "a cat"} for name in names]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("import", "jsonl", tmp_path / "rows.jsonl", "--images", tmp_path / "images", "-o", tmp_path / "p.parquet")
    done = hairsplit(*words)
    assert done.code == 0
    assert "1 pair of 1 image, from 4 rows, in " in done.out
    assert "bad_image_path" in done.out
    assert "missing_image" in done.out
    assert "exists already" in refused(hairsplit(*words))
    assert hairsplit(*words, "--overwrite").code == 0


def test_evaluate_prints_every_number_with_its_interval(world: World, tmp_path: Path, hairsplit: Hairsplit) -> None:
    done = hairsplit(
        *("evaluate", world.model, "--on", world.test, "-o", tmp_path / "e"),
        *("--recognition", world.drawn / "recognition", "--retrieval", world.drawn / "captions.jsonl"),
        *("--retrieval-split", "test"),
    )
    assert (done.code, done.err) == (0, "")
    for word in ("pair accuracy", "chance", "mean over kinds", "recognition top1", "retrieval text_to_image@1"):
        assert word in done.out
    assert {f.name for f in (tmp_path / "e").iterdir()} == {
        *("metrics.json", "metrics.csv", "scores.parquet", "random.parquet"),
    }


def test_train_reads_a_file_and_overrides_and_resumes_from_its_own(
    world: World, tmp_path: Path, hairsplit: Hairsplit
) -> None:
    config = {"train": str(world.train), "model": str(world.model), "steps": 2, "warmup_steps": 1, "batch_size": 4}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    done = hairsplit("train", tmp_path / "run.yaml", "lr=1e-3", "-o", tmp_path / "run")
    assert (done.code, "2 steps in" in done.out) == (0, True)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["lr"] == 1e-3
    assert "exists already" in refused(hairsplit("train", tmp_path / "run.yaml", "-o", tmp_path / "run"))
    assert hairsplit("train", "-o", tmp_path / "run", "--resume").code == 0
    assert "no run to resume" in refused(hairsplit("train", "-o", tmp_path / "gone", "--resume"))


def test_list_shows_everything_or_one_kind(hairsplit: Hairsplit) -> None:
    everything = hairsplit("list")
    assert everything.code == 0
    for title in ("losses:", "objectives:", "formats:", "families:"):
        assert title in everything.out
    one = hairsplit("list", "families")
    assert one.out in everything.out
    assert "role_swap" in one.out


def test_config_schema_explains_every_key_and_show_fills_in_defaults(hairsplit: Hairsplit) -> None:
    schema = hairsplit("config", "schema").out
    for key in ("train: ", "lr: ", "objective: ", "HncL2Spec: "):
        assert f"\n{key}" in f"\n{schema}"
    assert "Peak learning rate of AdamW" in schema
    shown = hairsplit("config", "show", "train=a.parquet", "objective.lam=0")
    assert shown.code == 0
    tree = yaml.safe_load(shown.out)
    assert (tree["train"], tree["objective"]["name"], tree["objective"]["lam"]) == ("a.parquet", "hnc_l2", 0)


def test_what_config_show_prints_is_a_configuration(tmp_path: Path, hairsplit: Hairsplit) -> None:
    shown = hairsplit("config", "show", "train=a.parquet", "objective=dpo_kl", "kind_weights.relation=2")
    (tmp_path / "run.yaml").write_text(shown.out)
    assert hairsplit("config", "show", tmp_path / "run.yaml").out == shown.out
