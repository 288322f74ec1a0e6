"""Trackers get what the log gets, a resumed run goes on in the same one, and none of them ends a run."""

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from accelerate.tracking import GeneralTracker

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.train.loop import Summary, Trainer
from hairsplit.train.tracking import check_installed, flat
from tests.train.small import Material, batches, config


class Notes(GeneralTracker):  # type: ignore[misc]
    """Remembers what it is told; may fail at some steps."""

    name = "notes"
    requires_logging_directory = False

    def __init__(self, fails_at: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.fails_at = fails_at
        self.settings: dict[str, Any] = {}
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.finished = 0

    @property
    def tracker(self) -> None:
        return None

    def start(self) -> None:
        """Begun when it was made."""

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.settings = values

    def log(self, values: dict[str, float], step: int | None = None, **_kwargs: Any) -> None:
        assert step is not None
        if step in self.fails_at:
            raise OSError(28, "No space left on device")
        self.rows.append((step, values))

    def finish(self) -> None:
        self.finished += 1


def validate(_encoder: DualEncoder) -> dict[str, float]:
    return {"macro_pair_accuracy": 0.5, "margin": float("nan")}


def run(material: Material, out: Path, *own: GeneralTracker, resume: bool = False, **changes: Any) -> Summary:
    out.mkdir(exist_ok=True)
    settings = config(material, **{"save_every": 1} | changes)
    encoder = dual_encoder.load(settings.model)
    made = Trainer(
        settings,
        encoder,
        batches(settings, encoder),
        out=out,
        config_hash="same",
        validate=validate,
        trackers=own,
    )
    return made.fit(resume=resume)


def logged(out: Path) -> list[tuple[int, dict[str, float]]]:
    """The log as a tracker should have it."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [
        (row["step"], {f"{row['kind']}/{k}": v for k, v in row.items() if k not in {"kind", "step"} and v is not None})
        for row in lines
    ]


def test_a_tracker_gets_what_the_log_gets(material: Material, tmp_path: Path) -> None:
    notes = Notes()
    run(material, tmp_path, notes)
    assert notes.rows == logged(tmp_path)
    assert {step for step, values in notes.rows if "validation/macro_pair_accuracy" in values} == {0, 4}
    assert all("validation/margin" not in values for _, values in notes.rows)
    assert (notes.settings["lr"], notes.settings["objective.name"]) == (1e-3, "hnc_l2")
    assert notes.finished == 1


def test_trackers_change_no_number(material: Material, tmp_path: Path) -> None:
    run(material, tmp_path / "with", Notes())
    run(material, tmp_path / "without")
    losses = [[values.get("train/loss") for _, values in logged(tmp_path / name)] for name in ("with", "without")]
    assert losses[0] == losses[1]


def test_a_tracker_that_fails_is_counted_and_the_run_goes_on(
    material: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = Notes(fails_at=(2, 3)), Notes()
    done = run(material, tmp_path, bad, good)
    assert (done.steps, done.tracker_failures) == (4, {"notes": 2})
    assert good.rows == logged(tmp_path)
    assert [step for step, _ in bad.rows] == [0, 1, 4, 4]
    said = capsys.readouterr().err
    assert said.count("the run goes on") == 1
    assert "notes failed 2 times" in said


def test_the_identity_is_kept_for_a_resumed_run(material: Material, tmp_path: Path) -> None:
    run(material, tmp_path / "a", Notes(), tracker_project="clip")
    told = read_json(tmp_path / "a" / "trackers.json")
    assert (told["project"], told["run"]) == ("clip", "a")
    again = Notes()
    run(material, tmp_path / "a", again, resume=True)
    assert read_json(tmp_path / "a" / "trackers.json") == told
    assert again.settings == {}  # they stand in the run already


def test_a_run_without_trackers_leaves_no_trace_of_them(material: Material, tmp_path: Path) -> None:
    run(material, tmp_path)
    assert not (tmp_path / "trackers.json").exists()


def test_settings_are_flattened_to_what_trackers_show() -> None:
    assert flat({"a": {"b": 1, "c": None}, "d": [1, 2], "e": True}) == {
        "a.b": 1,
        "a.c": "None",
        "d": "[1, 2]",
        "e": True,
    }


@pytest.mark.parametrize(
    ("given", "read"), [("wandb", ("wandb",)), ("wandb, tensorboard", ("wandb", "tensorboard")), ([], ()), ("", ())]
)
def test_names_may_be_one_text(given: object, read: tuple[str, ...], material: Material) -> None:
    assert config(material, trackers=given).trackers == read


def test_an_unknown_tracker_is_named(material: Material) -> None:
    with pytest.raises(ValueError, match="no tracker is called 'tensorbord'; did you mean 'tensorboard'"):
        config(material, trackers=["tensorbord"])


def test_a_tracker_that_is_not_installed_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(HairsplitError, match="wandb is not installed") as error:
        check_installed(["wandb"])
    assert "hairsplit[wandb]" in error.value.hint


def need(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is an extra and not installed here")


@pytest.mark.filterwarnings("ignore")  # theirs
def test_tensorboard_goes_on_in_its_folder(material: Material, tmp_path: Path) -> None:
    need("tensorboard")
    reader = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    run(material, tmp_path, trackers="tensorboard")
    run(material, tmp_path, trackers="tensorboard", steps=6, resume=True)
    found = reader.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    events = [(event.step, event.value) for event in found.Scalars("train/loss")]
    assert [step for step, _ in events] == [1, 2, 3, 4, 5, 6]
    expected = [values["train/loss"] for _, values in logged(tmp_path) if "train/loss" in values]
    assert [value for _, value in events] == pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore")  # theirs
def test_wandb_stays_offline_and_keeps_its_id(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    need("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    run(material, tmp_path, trackers="wandb")
    assert capsys.readouterr().err.count("wandb: offline") == 1
    run(material, tmp_path, trackers="wandb", steps=6, resume=True)
    told = read_json(tmp_path / "trackers.json")["id"]
    folders = sorted((tmp_path / "wandb").glob("offline-run-*"))
    assert folders
    assert all(folder.name.endswith(told) for folder in folders)
    assert all(list(folder.glob("*.wandb")) for folder in folders)


@pytest.mark.filterwarnings("ignore")  # theirs
def test_trackio_goes_on_in_the_same_run(material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when it is imported, here for the first time
    run(material, tmp_path / "a", trackers="trackio", tracker_project="hairsplit-test")
    run(material, tmp_path / "a", trackers="trackio", tracker_project="hairsplit-test", steps=6, resume=True)
    runs = importlib.import_module("trackio").Api().runs("hairsplit-test")
    assert [found.name for found in runs] == ["a"]
