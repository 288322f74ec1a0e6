"""Model cards: the numbers of the folders, the base beside them, nothing of the machine, strangers' text as text."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hairsplit.core.errors import HairsplitError
from hairsplit.report.card import Card, add_conversion, write_card
from hairsplit.report.reading import read_folders
from hairsplit.report.wording import percent
from tests.report.folders import write_demo, write_evaluation, write_run

WEIGHTS = "a" * 32


def mark(folder: Path, weights: str = WEIGHTS, **changes: Any) -> None:
    """Make an evaluation one of these weights."""
    file = folder / "metrics.json"
    record = json.loads(file.read_text())
    record["model"]["hash"] = weights
    file.write_text(json.dumps(record | changes))


@pytest.fixture
def demo(tmp_path: Path) -> list[Path]:
    folders = write_demo(tmp_path)
    mark(folders[2])
    (tmp_path / "model").mkdir()
    return folders


def card(folders: list[Path], **more: Any) -> str:
    model = folders[0].parent / "model"
    return write_card(folders, model, Card(weights=WEIGHTS, name="m", version="9.9", **more)).read_text("utf-8")


def cells(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_numbers_are_those_of_the_evaluations(demo: list[Path]) -> None:
    before, after = read_folders(demo).evaluations
    text = card(demo)
    rows = {"relation": ("kinds", "relation"), "attribute swap": ("kinds", "attribute_swap")}
    for name, (part, kind) in rows.items():
        found = cells(text, name)
        for place, evaluation in ((2, before), (3, after)):
            estimate = getattr(evaluation, part)[kind].estimates["pair_accuracy"]
            assert found[place].startswith(percent(estimate.value).replace("\u00a0", " ") + " [")
        assert found[1] == "20"
    mean = cells(text, "mean over kinds")
    assert mean[3].startswith(percent(after.overall.estimates["macro_pair_accuracy"].value).replace("\u00a0", " "))
    assert mean[5] == "56.7 % [51.2, 63.4]"  # the blind reader of the folders
    assert cells(text, "zero-shot top-1") == ["zero-shot top-1", "640", "97.0 % [95.0, 98.0]", "96.0 % [94.0, 97.0]"]


def test_of_several_evaluations_the_first_is_the_base_and_the_last_the_model(demo: list[Path], tmp_path: Path) -> None:
    for name, weights, skill in (("third", "c" * 32, 0.01), ("again", WEIGHTS, 0.1)):
        write_evaluation(tmp_path / name, skill=skill)
        mark(tmp_path / name, weights)
    before, after, third, again = read_folders([*demo, tmp_path / "third", tmp_path / "again"]).evaluations
    found = cells(card([*demo, tmp_path / "third", tmp_path / "again"]), "relation")
    for place, wanted, other in ((2, before, third), (3, again, after)):
        value, not_this = (one.kinds["relation"].estimates["pair_accuracy"].value for one in (wanted, other))
        assert value != not_this
        assert found[place].startswith(percent(value).replace("\u00a0", " ") + " [")


def test_the_front_matter_is_what_the_hub_reads(demo: list[Path]) -> None:
    front = yaml.safe_load(card(demo, licence="apache-2.0", base="openai/clip-vit-base-patch32").split("---")[1])
    assert (front["license"], front["library_name"]) == ("apache-2.0", "transformers")
    assert front["base_model"] == "openai/clip-vit-base-patch32"
    record = json.loads((demo[2] / "metrics.json").read_text())
    record["overall"]["macro_pair_accuracy"]["value"] += 0.01  # in the folder's own data the two means are one number
    mark(demo[2], overall=record["overall"])
    front = yaml.safe_load(card(demo, licence="apache-2.0", base="openai/clip-vit-base-patch32").split("---")[1])
    (entry,) = front["model-index"]
    value = read_folders(demo).evaluations[1].overall.estimates["macro_pair_accuracy"].value
    assert entry["results"][0]["metrics"][0]["value"] == round(value, 4)
    assert "license" not in yaml.safe_load(card(demo).split("---")[1])


def test_a_base_that_is_no_hub_id_is_told_but_not_linked(demo: list[Path]) -> None:
    text = card(demo, base="tiny")
    assert "base_model" not in yaml.safe_load(text.split("---")[1])
    assert "fine-tuned from tiny" in text


def test_licences_that_nobody_stated_are_said_to_be_so(demo: list[Path]) -> None:
    assert cells(card(demo), "licence of the weights")[1] == "not stated"
    assert cells(card(demo, data_licence="cc-by-4.0"), "licence of the training data")[1] == "cc-by-4.0"


def test_an_evaluation_of_other_weights_is_not_this_models(demo: list[Path]) -> None:
    with pytest.raises(HairsplitError, match="none of the evaluations is of the weights"):
        write_card(demo, demo[0].parent / "model", Card(weights="b" * 32, name="m", version="1"))
    assert not (demo[0].parent / "model" / "README.md").exists()


def test_without_a_base_there_is_one_column(demo: list[Path]) -> None:
    text = card(demo[2:])
    assert len(cells(text, "relation")) == 4
    assert "Before:" not in text
    assert "The run that made it was not among the folders" in text


def test_other_data_has_a_part_of_its_own(demo: list[Path], tmp_path: Path) -> None:
    write_evaluation(tmp_path / "other", data_hash="e" * 32, recognition=False)
    mark(tmp_path / "other")
    text = card([*demo, tmp_path / "other"])
    assert text.count("## Judged on") == 2
    assert "What the model forgot was not measured" in text


def test_recognition_on_another_task_is_not_put_beside(demo: list[Path]) -> None:
    record = json.loads((demo[0] / "metrics.json").read_text())
    mark(demo[0], "m" * 32, recognition=record["recognition"] | {"name": "other shapes"})
    assert cells(card(demo), "zero-shot top-1")[2] == "–"


def test_nothing_of_the_machine_is_told(demo: list[Path]) -> None:
    config = {
        "train": "/home/ann/secret/train.parquet",
        "never": ["/home/ann/test.parquet", "..\\up\\x.parquet"],
        "val": "data/val.parquet",
        "images": "C:\\Users\\Ann\\pictures",
        "lr": 0.0005,
        "objective": {"name": "sum", "terms": [{"loss": {"name": "triplet"}}, {"loss": "negclip"}]},
        "trainable": "full",
    }
    (demo[1] / "config.yaml").write_text(yaml.safe_dump(config))
    text = card(demo)
    for gone in ("/home", "ann", "Ann", "secret", "up\\"):
        assert gone not in text
    for kept in (
        "train.parquet",
        "- test.parquet",
        "- x.parquet",
        "data/val.parquet",
        "images: pictures",
        "lr: 0.0005",
    ):
        assert kept in text
    assert "objective `triplet + negclip`, learning: `full`" in text


def test_texts_of_strangers_are_text(demo: list[Path]) -> None:
    record = json.loads((demo[2] / "metrics.json").read_text())
    name = "a|b](http://x) <script> `x` {{ 7*7 }}\n# head"
    for folder, weights in ((demo[0], "m" * 32), (demo[2], WEIGHTS)):
        mark(folder, weights, data=record["data"] | {"name": name})
    (demo[1] / "config.yaml").write_text("objective: hnc_l2\nmodel: 'x```y'\n")
    text = card(demo)
    assert "## Judged on a\\|b\\]\\(http://x\\) &lt;script&gt; \\`x\\` \\{\\{ 7\\*7 \\}\\} \\# head" in text
    assert text.count("```") % 2 == 0
    assert "\n# head" not in text.split("---", 2)[2]


def test_a_conversion_is_told_once_and_survives_a_new_card(demo: list[Path]) -> None:
    card(demo)
    model = demo[0].parent / "model"
    add_conversion(model, "First.")
    add_conversion(model, "Second; 1.0e-07 at most.")
    assert (model / "README.md").read_text().endswith("\n## Conversion\n\nSecond; 1.0e-07 at most.\n")
    text = card(demo)
    assert text.count("## Conversion") == 1
    assert "First." not in text


def test_a_conversion_that_only_the_old_card_tells_of_is_kept(demo: list[Path]) -> None:
    card(demo)
    model = demo[0].parent / "model"
    add_conversion(model, "As it was told before.")
    (model / "conversion.json").unlink()
    assert card(demo).endswith("\n## Conversion\n\nAs it was told before.\n")


def test_two_runs_are_none(demo: list[Path], tmp_path: Path) -> None:
    write_run(tmp_path / "other_run")
    assert "was not among the folders" in card([*demo, tmp_path / "other_run"])
