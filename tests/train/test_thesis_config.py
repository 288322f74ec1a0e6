"""The thesis's YAML becomes a configuration: every key is told of, and a wrong one is named."""

import math
from pathlib import Path

import pytest

from hairsplit.core.config import validate
from hairsplit.core.errors import HairsplitError
from hairsplit.losses import objectives
from hairsplit.losses.hard_negative import HardNegativeSpec
from hairsplit.train import thesis_config
from hairsplit.train.config import TrainConfig
from hairsplit.train.thesis_config import IGNORED, Row, ThesisRun, read_thesis

SHAPES = tuple(sorted(Path(__file__).with_name("thesis").glob("*.yaml")))


def shape(name: str) -> Path:
    return Path(__file__).with_name("thesis") / f"{name}.yaml"


@pytest.fixture
def places(tmp_path: Path) -> list[str]:
    """KEY=VALUE for files that are there."""
    for name in ("train.json", "val.json"):
        (tmp_path / name).write_text("{}")
    return [
        f"dataset.train_json_path={tmp_path / 'train.json'}",
        f"dataset.val_json_path={tmp_path / 'val.json'}",
        f"dataset.image_folder_path={tmp_path}",
    ]


def config_of(thesis: ThesisRun) -> TrainConfig:
    return validate(TrainConfig, {"train": "pairs.parquet", **thesis.settings}, "here")


@pytest.mark.parametrize("file", SHAPES, ids=lambda file: file.stem)
def test_every_key_of_every_shape_is_told_of(file: Path, places: list[str]) -> None:
    thesis = read_thesis(file, places, compat=False)
    assert len(thesis.rows) == len({row.key for row in thesis.rows}) == 31
    assert all(row.became for row in thesis.rows)
    config = config_of(thesis)
    assert (config.lr, config.warmup_steps, config.epochs, config.accumulation) == (5e-6, 50, 20, 2)
    assert (config.clip_norm, config.precision, config.model) == (1.0, "fp32", "ViT-B/32")
    assert (thesis.train_size, thesis.val_size, config.max_val_pairs) == (100_000, 1000, 1000)
    assert getattr(config.objective, "compat", None) == "none"
    assert getattr(config_of(read_thesis(file, places, compat=True)).objective, "compat", None) == "thesis"


@pytest.mark.parametrize(
    ("name", "objective", "trainable"),
    [
        ("C_DPO_KL_full", {"name": "contrastive_dpo_kl", "beta": 0.1}, "full_encoder"),
        ("C_DPO_L2_full", {"name": "contrastive_dpo_l2", "beta": 1.0, "lam": 5e-6}, "full_encoder"),
        ("DPO_KL_full", {"name": "dpo_kl", "beta": 0.1}, "full_encoder"),
        ("HNC1_L2_text", {"name": "hnc_l2", "lam": 1e-3, "weight": 100.0}, "text_encoder"),
        (
            "HNC1_L2_last",
            {
                "name": "hnc_l2",
                "lam": 1e-3,
                "schedule": {"min": 1.0, "max": 10.0, "interval": 1000, "num_updates": 10},
            },
            "last_encoder",
        ),
        ("Standard_full", {"name": "standard"}, "full_encoder"),
    ],
)
def test_the_objective_takes_just_the_keys_that_its_formula_has(
    name: str, objective: dict[str, object], trainable: str, places: list[str]
) -> None:
    thesis = read_thesis(shape(name), places, compat=False)
    assert thesis.settings["objective"] == objective
    assert thesis.settings["trainable"] == trainable


def test_hnc_means_hnc_l2(places: list[str]) -> None:
    thesis = read_thesis(shape("HNC1_L2_full"), places, compat=False)
    assert thesis.settings["objective"]["name"] == "hnc_l2"
    assert next(row for row in thesis.rows if row.key == "training.mode").adapted


def test_what_the_thesis_ignores_is_named(places: list[str]) -> None:
    thesis = read_thesis(shape("DPO_KL_full"), places, compat=False)
    ignored = {row.key.rpartition(".")[2] for row in thesis.rows if row.became.endswith(IGNORED)}
    weights = {"hard_neg_weight", "dynamic_weight", "min_weight", "max_weight", "update_interval", "num_updates"}
    assert ignored == {*weights, "lambda_ref", "val_json_path"}
    thesis = read_thesis(shape("HNC1_KL_full"), places, compat=False)
    ignored = {row.key.rpartition(".")[2] for row in thesis.rows if row.became.endswith(IGNORED)}
    assert ignored == {"hard_neg_weight", "dpo_beta", "val_json_path"}


@pytest.mark.parametrize(
    ("name", "most", "interval", "updates"), [("HNC1_KL_full", 50, 500, 50), ("HNC1_L2_full", 10, 1000, 10)]
)
def test_the_weight_climbs_as_the_formula_says(
    name: str, most: float, interval: int, updates: int, places: list[str]
) -> None:
    objective = config_of(read_thesis(shape(name), places, compat=False)).objective
    for step in (0, 1, interval - 1, interval, 3 * interval + 7, interval * updates - 1, interval * updates, 10**6):
        term = objectives.resolve(objective, step).terms[0].loss
        assert isinstance(term, HardNegativeSpec)
        expected = most
        if step < interval * updates:
            expected = 1 + math.floor(step / interval) * (most - 1) / updates
        assert term.weight == pytest.approx(expected, rel=1e-12)


ZERO = "deepspeed.config.zero_optimization.stage"


def stage_row(thesis: ThesisRun) -> Row:
    return next(row for row in thesis.rows if row.key == ZERO)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_the_stage_of_zero_is_the_engine_of_several_ranks(
    stage: int, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thesis_config, "find_spec", lambda _name: True)
    words = [*places, f"{ZERO}={stage}"]
    thesis = read_thesis(shape("HNC1_L2_full"), words, compat=False, ranks=2)
    assert config_of(thesis).engine == f"zero{stage}"
    assert (stage_row(thesis).became, stage_row(thesis).adapted) == (f"engine=zero{stage}", False)
    ours = read_thesis(shape("HNC1_L2_full"), [*words, "engine=ddp"], compat=False, ranks=2)
    assert config_of(ours).engine == "ddp"
    assert stage_row(ours).became == "engine=ddp: from the command line"
    one = read_thesis(shape("HNC1_L2_full"), words, compat=False)
    assert config_of(one).engine == "auto"
    assert stage_row(one).became == f"nothing: one process has nothing to share; on several it is engine=zero{stage}"


def test_zero_without_deepspeed_is_refused_before_anything_is_imported(
    places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thesis_config, "find_spec", lambda _name: None)
    with pytest.raises(HairsplitError, match="zero2 is DeepSpeed's, which is not installed") as error:
        read_thesis(shape("HNC1_L2_full"), places, compat=False, ranks=2)
    assert error.value.where.endswith(ZERO)
    assert "engine=ddp" in error.value.hint
    assert (
        read_thesis(shape("HNC1_L2_full"), [*places, "engine=ddp"], compat=False, ranks=2).settings["engine"] == "ddp"
    )
    assert "engine" not in read_thesis(shape("HNC1_L2_full"), [*places, f"{ZERO}=0"], compat=False, ranks=2).settings
    with pytest.raises(HairsplitError, match="ZeRO has no stage 4"):
        read_thesis(shape("HNC1_L2_full"), [*places, f"{ZERO}=4"], compat=False, ranks=2)


@pytest.mark.parametrize(("ranks", "micro", "adapted"), [(1, "64", True), (2, "32", False), (4, "16", True)])
def test_the_global_batch_is_kept_on_any_number_of_ranks(
    ranks: int, micro: str, adapted: bool, places: list[str]
) -> None:
    thesis = read_thesis(shape("HNC1_L2_full"), [*places, "engine=ddp"], compat=False, ranks=ranks)  # 128 = 32 x 2 x 2
    assert (thesis.settings["batch_size"], thesis.settings["accumulation"]) == (128, 2)
    row = next(row for row in thesis.rows if row.key.endswith("train_micro_batch_size_per_gpu"))
    assert row.became.startswith(f"{micro} a micro-batch")
    assert (row.adapted, "the global batch is kept" in row.became) == (adapted, adapted)


def test_validation_pairs_come_from_the_file_where_nothing_is_split(places: list[str]) -> None:
    assert read_thesis(shape("HNC1_L2_vision"), places, compat=False).val_json is not None
    assert read_thesis(shape("HNC1_L2_full"), places, compat=False).val_json is None


def test_our_keys_replace_what_the_file_became(places: list[str]) -> None:
    words = [*places, "model=tiny", "steps=3", "warmup_steps=1", "objective.lam=0.5", "training.learning_rate=1e-3"]
    config = config_of(read_thesis(shape("HNC1_L2_full"), words, compat=False))
    assert (config.model, config.steps, config.lr) == ("tiny", 3, 1e-3)
    told = {row.key: row.became for row in read_thesis(shape("HNC1_L2_full"), words, compat=False).rows}
    assert told["training.model_name"] == "model=tiny: from the command line"
    assert config.objective == objectives.HncL2Spec(
        lam=0.5, schedule=objectives.WeightSchedule(min=1, max=10, interval=1000, num_updates=10)
    )


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("training.learning_rat=1", "learning_rat", "did you mean 'training.learning_rate'?"),
        ("training.batch_size=1", "batch_size", "did you mean"),
        ("dataset.train_json_path=gone.json", "there is no gone.json", "dataset.train_json_path=PATH"),
        ("dataset.image_folder_path=gone", "there is no gone", "dataset.image_folder_path=PATH"),
        ("training.mode=hnc_k1", "no mode is called 'hnc_k1'", "did you mean 'hnc_kl'?"),
        ("training.finetune_mode=last_encode", "last_encode", "did you mean 'last_encoder'?"),
        ("training.learning_rate=fast", "'fast' is not a number", "mend"),
        ("training.num_epochs=2.5", "2.5 is not a whole number", "mend"),
        ("training.num_epochs=.inf", "is not a whole number", "mend"),
        ("training.dynamic_weight=2", "2 is neither true nor false", "mend"),
        ("deepspeed.config.gradient_accumulation_steps=0", "0", "mend"),
        ("deepspeed.config=3", "is a section", ""),
        ("steps", "has no value", "KEY=VALUE"),
    ],
)
def test_a_wrong_key_or_value_is_named(word: str, message: str, hint: str, places: list[str]) -> None:
    with pytest.raises(HairsplitError) as error:
        read_thesis(shape("HNC1_L2_full"), [*places, word], compat=False)
    assert message in error.value.message
    assert hint in (error.value.hint or "")


def test_an_unknown_key_in_the_file_is_an_error(tmp_path: Path, places: list[str]) -> None:
    text = shape("Standard_full").read_text().replace("num_epochs:", "num_epoch:")
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(HairsplitError, match="num_epoch") as error:
        read_thesis(tmp_path / "x.yaml", places, compat=False)
    assert "training.num_epochs" in str(error.value.hint)
    (tmp_path / "y.yaml").write_text("training: {mode: standard}")
    with pytest.raises(HairsplitError, match="required") as error:
        read_thesis(tmp_path / "y.yaml", compat=False)
    assert "dataset.train_json_path" in str(error.value.where)


def test_a_path_may_be_told_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "HNC").mkdir()
    (tmp_path / "HNC" / "hnc_clean_strict_train.json").write_text("{}")
    (tmp_path / "gqa_dataset" / "images" / "images").mkdir(parents=True)
    (tmp_path / "run.yaml").write_text(shape("Standard_full").read_text())
    thesis = read_thesis(tmp_path / "run.yaml", compat=False)
    assert thesis.train_json == tmp_path / "HNC" / "hnc_clean_strict_train.json"


def test_a_bigger_accumulation_is_kept_too(places: list[str]) -> None:
    thesis = read_thesis(
        shape("HNC1_L2_full"), [*places, "deepspeed.config.gradient_accumulation_steps=4"], compat=False
    )
    assert (thesis.settings["accumulation"], thesis.settings["warmup_steps"]) == (4, 25)


@pytest.mark.parametrize("on", ["true", "false"])
def test_gradient_checkpointing_is_activation_checkpointing(places: list[str], on: str) -> None:
    words = [*places, f"deepspeed.config.gradient_checkpointing={on}"]
    thesis = read_thesis(shape("HNC1_L2_full"), words, compat=False)
    assert config_of(thesis).activation_checkpointing is (on == "true")
    (row,) = (row for row in thesis.rows if row.key.endswith("gradient_checkpointing"))
    assert row.became == f"activation_checkpointing={on == 'true'}"
