"""A configuration from YAML and the command line: typed, bounded, and a wrong key is named."""

from pathlib import Path

import pytest

from hairsplit import api
from hairsplit.core.errors import HairsplitError
from hairsplit.losses.objectives import OBJECTIVES, HncKlSpec, HncL2Spec, StandardSpec, SumSpec
from hairsplit.train.config import TrainConfig


def written(folder: Path, text: str) -> Path:
    file = folder / "run.yaml"
    file.write_text(text, "utf-8")
    return file


def refused(*words: str, file: Path | None = None) -> HairsplitError:
    with pytest.raises(HairsplitError) as caught:
        api.read_config(file, ["train=pairs.parquet", *words])
    return caught.value


def test_the_table_alone_is_enough() -> None:
    config = api.read_config(None, ["train=pairs.parquet"])
    assert config == TrainConfig(train=Path("pairs.parquet"))
    assert isinstance(config.objective, HncL2Spec)
    assert (config.model, config.trainable) == ("tiny", "full_encoder")


def test_without_a_table_the_missing_key_is_named() -> None:
    with pytest.raises(HairsplitError, match="at train: this key is required"):
        api.read_config(None, [])


@pytest.mark.parametrize(
    ("wrong", "right"), [("batchsize", "batch_size"), ("LR", "lr"), ("warmup_step", "warmup_steps")]
)
def test_a_misspelt_key_is_refused_with_a_suggestion(wrong: str, right: str, tmp_path: Path) -> None:
    error = refused(f"{wrong}=5")
    assert error.message == f"unknown key {wrong!r}"
    if wrong != "LR":
        assert error.hint == f"did you mean {right!r}?"
    file = written(tmp_path, f"{wrong}: 5\n")
    assert str(file) in refused(file=file).where


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lr=0", "greater than 0"),
        ("lr=-1e-5", "greater than 0"),
        ("lr=.inf", "finite"),
        ("lr=.nan", "finite"),
        ("lr=fast", "valid number"),
        ("batch_size=1", "greater than or equal to 2"),
        ("accumulation=0", "greater than 0"),
        ("steps=0", "greater than 0"),
        ("steps=1.5", "integer"),
        ("val_share=1", "less than 1"),
        ("kind_weights.relation=-1", "greater than or equal to 0"),
        ("precision=fp16", "'fp32' or 'bf16'"),
        ("schedule=linear", "'cosine' or 'constant'"),
        ("trainable=text", "text_encoder"),
        ("save_every=0", "greater than 0"),
        ("seed=-1", "greater than or equal to 0"),
        ("weight_decay=-0.1", "greater than or equal to 0"),
    ],
)
def test_a_value_out_of_its_limits_is_refused_and_shown(word: str, message: str) -> None:
    error = refused(word)
    assert message in error.message
    assert word.partition("=")[0] in error.where


def test_settings_that_contradict_each_other_are_refused() -> None:
    assert "warmup_steps=20 leaves no training, for steps=20" in refused("steps=20", "warmup_steps=20").message
    assert "batch_size=10 cannot be cut into accumulation=4 parts" in refused("batch_size=10", "accumulation=4").message
    assert "cannot be cut" in refused("batch_size=4", "accumulation=4").message  # one image is no contrast


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "sum"])
def test_an_objective_is_a_name_or_a_mapping(name: str, tmp_path: Path) -> None:
    as_word = api.read_config(None, ["train=t", f"objective={name}"])
    as_text = api.read_config(written(tmp_path, f"train: t\nobjective: {name}\n"))
    as_mapping = api.read_config(written(tmp_path, f"train: t\nobjective:\n  name: {name}\n"))
    assert as_word == as_text == as_mapping
    assert isinstance(as_word.objective, OBJECTIVES[name])


def test_a_key_reaches_into_an_objective_that_the_file_names(tmp_path: Path) -> None:
    bare = written(tmp_path, "train: t\nobjective: hnc_l2\n")
    assert api.read_config(bare, ["objective.lam=0.1"]).objective == HncL2Spec(lam=0.1)
    scheduled = api.read_config(bare, ["objective.schedule.max=3", "objective.schedule.interval=7"]).objective
    assert isinstance(scheduled, HncL2Spec)
    assert scheduled.schedule is not None
    assert (scheduled.schedule.max, scheduled.schedule.interval) == (3, 7)
    mapping = written(tmp_path, "train: t\nobjective: {name: hnc_kl, weight: 2}\n")
    found = api.read_config(mapping, ["objective.lam=0.1", "objective.temperature=1e1"]).objective
    assert found == HncKlSpec(weight=2, lam=0.1, temperature=10)
    assert api.read_config(mapping, ["objective=standard"]).objective == StandardSpec()


def test_a_key_reaches_into_the_terms_of_a_sum(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "train: t\nobjective:\n  name: sum\n  terms:\n"
        "    - loss: contrastive\n    - {loss: {name: preference}, weight: 2}\n",
    )
    found = api.read_config(file, ["objective.terms.1.loss.beta=3", "objective.l2=1e-4"]).objective
    assert isinstance(found, SumSpec)
    assert [term.loss.name for term in found.terms] == ["contrastive", "preference"]
    assert (found.terms[1].weight, getattr(found.terms[1].loss, "beta"), found.l2) == (2, 3, 1e-4)  # noqa: B009
    assert "leads nowhere" in refused("objective.terms.7.weight=1", file=file).message


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("objective=hnc_l", "no objective is called 'hnc_l'; did you mean 'hnc_l2'?", ""),
        ("objective=CLIPLossKL", "it is called 'hnc_kl' here", ""),
        ("objective={name: hnc_l2, lamm: 1}", "unknown key 'lamm'", "did you mean 'lam'?"),
        ("objective={name: hnc_l2, lam: -1}", "greater than or equal to 0", ""),
        ("objective={lam: 1}", "this objective has no name", ""),
        ("objective={name: sum, terms: []}", "at least 1 item", ""),
        ("objective={name: sum, terms: [{loss: contrastiv}]}", "did you mean 'contrastive'?", ""),
    ],
)
def test_a_wrong_objective_says_what_is_meant(word: str, message: str, hint: str) -> None:
    error = refused(word)
    assert message in error.message
    assert "objective" in error.where
    assert hint in error.hint


def test_words_win_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, "train: t\nlr: 1e-4\nbatch_size: 32\n")
    config = api.read_config(file, ["lr=3e-4", "kind_weights.relation=2", "never=[a.parquet, b.parquet]"])
    assert (config.lr, config.batch_size, config.weight_decay) == (3e-4, 32, TrainConfig(train=Path("t")).weight_decay)
    assert config.kind_weights == {"relation": 2}
    assert config.never == (Path("a.parquet"), Path("b.parquet"))


@pytest.mark.parametrize("text", ["- a\n- b\n", "lr: [1", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)
    with pytest.raises(HairsplitError) as caught:
        api.read_config(file)
    assert str(file) in caught.value.where


@pytest.mark.parametrize("word", ["chunk=4", "log_gradient_norms=true"])
def test_what_needs_whole_weights_is_refused_where_they_are_sharded(word: str) -> None:
    error = refused(word, "engine=fsdp2")
    assert f"{word.partition('=')[0]} needs whole weights on each rank, and fsdp2 shards" in error.message
    assert "engine: ddp" in error.message
    assert api.read_config(None, ["train=t", word, "engine=ddp"]).engine == "ddp"
    assert api.read_config(None, ["train=t", "engine=fsdp2", "activation_checkpointing=true"]).activation_checkpointing
    assert "greater than 0" in refused("chunk=0").message
