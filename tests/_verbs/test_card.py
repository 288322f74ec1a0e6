"""A card is of the weights in the folder; a conversion is told in it."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from tests.report.folders import write_demo
from tests.small_world import SHAPE


def of_weights(folder: Path, weights: str) -> None:
    file = folder / "metrics.json"
    record = json.loads(file.read_text())
    record["model"]["hash"] = weights
    file.write_text(json.dumps(record))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folders = write_demo(tmp_path)
    encoder = dual_encoder.new(SHAPE, seed=0)
    dual_encoder.save(encoder, tmp_path / "run" / "checkpoints" / "best")
    of_weights(folders[2], encoder.parameters_hash())
    return tmp_path / "run"


def test_a_run_has_its_card_in_its_best_checkpoint_and_its_name(run: Path) -> None:
    written = api.report([run.parent / "before", run, run.parent / "after"], card=run)
    assert written == run / "checkpoints" / "best" / "README.md"
    text = written.read_text()
    assert "\n# run\n" in text
    assert f"`{dual_encoder.load(run).parameters_hash()}`" in text
    assert "objective `hnc_l2`" in text
    assert "The model's vocabulary is smaller than CLIP's" in text


def test_evaluations_of_other_weights_are_refused(run: Path) -> None:
    of_weights(run.parent / "after", "0" * 32)
    with pytest.raises(HairsplitError, match="none of the evaluations is of the weights"):
        api.report([run.parent / "before", run.parent / "after"], card=run)


@pytest.mark.parametrize("licence", ["MIT License", "mit license", ""])
def test_a_licence_is_an_identifier(run: Path, licence: str) -> None:
    with pytest.raises(HairsplitError, match="no identifier of a licence"):
        api.report([run.parent / "after"], card=run, licence=licence)


def test_a_model_with_clips_whole_vocabulary_needs_no_word_on_it(run: Path) -> None:
    whole = dual_encoder.new(replace(SHAPE, merges=None), seed=0)
    dual_encoder.save(whole, run.parent / "whole")
    of_weights(run.parent / "after", whole.parameters_hash())
    text = api.report([run.parent / "after"], card=run.parent / "whole").read_text()
    assert "vocabulary" not in text


def test_a_conversion_takes_the_card_along_and_says_what_was_compared(run: Path, tmp_path: Path) -> None:
    api.report([run.parent / "before", run.parent / "after"], card=run, licence="mit")
    said = api.convert(run, tmp_path / "there", to="transformers")
    text = (tmp_path / "there" / "README.md").read_text()
    assert "license: mit" in text
    assert text.rstrip().endswith(said.partition("; ")[2] if "; " in said else said.partition(": ")[2] + ".")
    assert "Converted to transformers by `hairsplit convert`; read back" in text


def test_a_card_that_is_written_after_a_conversion_tells_of_it(run: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    api.convert(run, there, to="transformers")
    assert not (there / "README.md").exists()
    text = api.report([run.parent / "before", run.parent / "after"], card=there).read_text()
    assert text.count("## Conversion") == 1
    assert text.rstrip().endswith("differ by 0.0e+00 at most.")


def test_what_was_written_is_compared_and_not_what_is_in_memory(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(encoder: DualEncoder, folder: Path) -> None:
        other = copy.deepcopy(encoder)
        with torch.no_grad():
            other.model.text_projection.weight.mul_(-1)
        save(other, folder)

    save = dual_encoder.save
    monkeypatch.setattr(dual_encoder, "save", damaged)
    with pytest.raises(HairsplitError, match="reads back differently"):
        api.convert(run, tmp_path / "there", to="transformers")
    assert not (tmp_path / "there" / "conversion.json").exists()


def test_other_weights_do_not_get_this_models_card(run: Path, tmp_path: Path) -> None:
    api.report([run.parent / "before", run.parent / "after"], card=run)
    api.convert(run, tmp_path / "half", to="transformers", wise_ft=0.5, base=run)
    assert not (tmp_path / "half" / "README.md").exists()
