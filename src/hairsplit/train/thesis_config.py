"""The YAML of the HNC thesis, read unchanged: every key becomes a setting of ours, or is named as one that does not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hairsplit.core.catalog import nearest
from hairsplit.core.config import COMMAND_LINE, load_yaml, parse_value, set_path
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.trainable import MODES
from hairsplit.train.thesis_keys import KEYS, KNOWN, NEEDED

_MODES = {"HNC": "hnc_l2"} | {
    mode: mode for mode in ("standard", "hnc_l2", "hnc_kl", "dpo_kl", "contrastive_dpo_kl", "contrastive_dpo_l2")
}
"""`training.mode` -> our objective."""
_SCHEDULE = ("min_weight", "max_weight", "update_interval", "num_updates")
_STAGE = "deepspeed.config.zero_optimization.stage"
_DPO, _LAM, _WEIGHT = "dpo_beta", "lambda_ref", "hard_neg_weight"
_USES = {
    "standard": (),
    "hnc_l2": (_LAM, _WEIGHT, "dynamic_weight"),
    "hnc_kl": (_LAM, _WEIGHT, "dynamic_weight"),
    "dpo_kl": (_DPO,),
    "contrastive_dpo_kl": (_DPO,),
    "contrastive_dpo_l2": (_DPO, _LAM),
}
"""Objective -> the keys of the loss that it reads; the thesis's files carry all of them in each mode."""
IGNORED = "ignored by the thesis too"


@dataclass(frozen=True)
class Row:
    """One key of the YAML and what became of it."""

    key: str
    value: Any
    became: str
    """Our setting, or why there is none."""
    adapted: bool = False
    """Whether our value is not simply theirs."""


@dataclass(frozen=True)
class ThesisRun:
    """A thesis YAML as a run of ours."""

    settings: Mapping[str, Any]
    """Of `TrainConfig`, but for the tables, which come of an import."""
    train_json: Path
    val_json: Path | None
    """None: `val_size` pairs are held out of train."""
    images: Path
    train_size: int | None
    """Pairs to draw; None: all."""
    val_size: int | None
    rows: tuple[Row, ...]


@dataclass
class _Mapping:
    """What is being read: theirs by dotted key, and what became of it so far."""

    theirs: Mapping[str, Any]
    where: str
    rows: dict[str, Row] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    """Key of theirs -> the one setting of ours that it became."""

    def tell(self, key: str, became: str, *, adapted: bool = False) -> None:
        """Note what became of a key, if the file has it."""
        if key in self.theirs:
            self.rows[key] = Row(key, self.theirs[key], became, adapted)

    def number(self, key: str, kind: Callable[[Any], Any], default: Any = None) -> Any:
        """A number, which may stand there as text (`5e-6` is a string to PyYAML)."""
        value = self.theirs.get(key, default)
        if value is None:
            return None
        try:
            if isinstance(value, bool) or float(value) != kind(float(value)):
                raise ValueError
            return kind(float(value))
        except (TypeError, ValueError, OverflowError):
            what = "a whole number" if kind is int else "a number"
            raise HairsplitError(f"{value!r} is not {what}", where=f"{self.where} at {key}", hint="mend it") from None

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.theirs.get(key, False)
        if not isinstance(value, bool):
            raise HairsplitError(f"{value!r} is neither true nor false", where=f"{self.where} at {key}", hint="mend it")
        return value

    def sets(self, key: str, ours: str, value: Any, note: str = "", *, adapted: bool = False) -> None:
        """Make a key one of our settings."""
        self.settings[ours], self.ours[key] = value, ours
        said = f"{ours}={value}" + (f": {note}" if note else "")
        self.tell(key, said, adapted=adapted or bool(note))


def read_thesis(file: Path, words: Sequence[str] = (), *, compat: bool, ranks: int = 1) -> ThesisRun:
    """Read a thesis YAML.

    Args:
        file: The YAML.
        words: KEY=VALUE; a key of the thesis's (`training.train_size`) replaces what the file says, one of ours
            (`model`, `steps`) what the file became.
        compat: Repeat the thesis's numerics (`compat: thesis` of the objectives).
        ranks: Processes that share a batch.

    Raises:
        HairsplitError: An unknown, missing or malformed key, or a file that is not there; the key is named.
    """
    theirs, ours = _merged(file, words)
    m = _Mapping(theirs, str(file))
    for key in NEEDED:
        if theirs.get(key) is None:
            raise HairsplitError("this key is required", where=f"{file} at {key}", hint=f"give {key}=... behind it")
    train = _path(m, "dataset.train_json_path", file, "the training pairs")
    images = _path(m, "dataset.image_folder_path", file, "images: the pictures of both tables")
    train_size, val_size = m.number("training.train_size", int), m.number("Val.val_size", int)
    m.tell("training.train_size", f"a draw of {train_size} pairs, or all if there are fewer")
    val = _validation(m, file, val_size)
    _model(m)
    _optimiser(m)
    _batch(m, ranks)
    m.settings["objective"] = _objective(m, compat=compat)
    _engine(m, ranks)
    m.tell("dataset.test_json_path", "not read by training; see `hairsplit evaluate`")
    m.tell("training.checkpoint_dir", "the run folder (--out) instead", adapted=True)
    m.settings |= {"epoch": "pairs", "negatives_per_image": 1}
    for key, value in ours:
        set_path(m.settings, key.split("."), value)
        for known, name in m.ours.items():
            if name == key:
                m.tell(known, f"{name}={value}: from the command line", adapted=True)
    _refuse_without_deepspeed(m)
    for key in set(theirs) - set(m.rows):
        if theirs[key] is not None:
            raise AssertionError(f"{key} was dropped without a word")
        m.tell(key, "nothing: it is empty")
    rows = tuple(m.rows[key] for key in theirs)
    return ThesisRun(m.settings, train, val, images, train_size, val_size, rows)


def _merged(file: Path, words: Sequence[str]) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    """The file's values by dotted key with the thesis's keys of `words` put in, and the words of ours."""
    theirs = _leaves(load_yaml(file), "", str(file))
    ours: list[tuple[str, Any]] = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise HairsplitError(f"{word!r} has no value", where=COMMAND_LINE, hint="write KEY=VALUE, as in model=FILE")
        if key.split(".")[0] in KEYS:
            theirs |= _leaves({key: parse_value(text)}, "", COMMAND_LINE)
        else:
            ours.append((key, parse_value(text)))
    return theirs, ours


def _leaves(tree: Mapping[Any, Any], prefix: str, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        inner = any(known.startswith(f"{key}.") for known in KNOWN)
        if inner and isinstance(value, Mapping):
            found |= _leaves(value, f"{key}.", where)
        elif key in KNOWN:
            found[key] = value
        else:
            problem = "is a section, with keys below it" if inner else "is not a key of the thesis's files"
            raise HairsplitError(f"{key!r} {problem}", where=where, hint=_near(key))
    return found


def _near(key: str) -> str:
    """The key that may have been meant, also where only its last part is right or nearly so."""
    last = {known.rpartition(".")[2]: known for known in KNOWN}
    near = nearest(key, KNOWN)
    if near.startswith("did you mean"):
        return near
    near = nearest(key.rpartition(".")[2], tuple(last))
    if near.startswith("did you mean"):
        return f"did you mean {last[near.split(chr(39))[1]]!r}?"
    return f"its sections are {', '.join(KEYS)}"


def _path(m: _Mapping, key: str, file: Path, became: str) -> Path:
    """A path as the thesis has it, from the current folder, or else from that of the YAML."""
    text = str(m.theirs[key])
    given = Path(text).expanduser()
    for path in (given, file.parent / given):
        if path.exists():
            m.tell(key, became)
            return path
    raise HairsplitError(f"there is no {text}", where=f"{m.where} at {key}", hint=f"say where it is: {key}=PATH")


def _validation(m: _Mapping, file: Path, val_size: int | None) -> Path | None:
    key = "dataset.val_json_path"
    if val_size is not None:
        m.sets("Val.val_size", "max_val_pairs", val_size)
    frequency = m.number("Val.val_step_frequency", int)
    if frequency is not None:
        m.sets("Val.val_step_frequency", "validate_every", frequency)
    if m.flag("Val.split"):
        m.tell("Val.split", "val_share: about val_size pairs are held out of train, by whole images", adapted=True)
        m.tell(key, f"not read where Val.split is true; {IGNORED}")
        return None
    m.tell("Val.split", f"val: the pairs of {key}")
    if m.theirs.get(key) is None:
        hint = "give it, or Val.split=true with Val.val_size"
        raise HairsplitError("this key is required where Val.split is false", where=f"{m.where} at {key}", hint=hint)
    return _path(m, key, file, "val: the validation pairs")


def _model(m: _Mapping) -> None:
    name = str(m.theirs.get("training.model_name", "ViT-B/32"))
    m.sets("training.model_name", "model", name)
    m.tell("training.model_name", f"model={name}: as it was fetched before (nothing downloads), or say model=FILE")
    mode = str(m.theirs.get("training.finetune_mode", "full_encoder"))
    if mode not in MODES:
        where = f"{m.where} at training.finetune_mode"
        raise HairsplitError(f"no such part learns: {mode!r}", where=where, hint=nearest(mode, MODES))
    m.sets("training.finetune_mode", "trainable", mode)


def _optimiser(m: _Mapping) -> None:
    for key, ours, kind in (
        ("training.num_epochs", "epochs", int),
        ("training.learning_rate", "lr", float),
        ("training.weight_decay", "weight_decay", float),
        ("deepspeed.config.gradient_clipping", "clip_norm", float),
    ):
        value = m.number(key, kind)
        if value is not None:
            text = isinstance(m.theirs[key], str)
            m.sets(key, ours, value, "a text in the file, read as a number" if text else "")
    warmup = m.number("training.num_warmup_steps", int)
    if warmup is not None:
        accumulation = m.number("deepspeed.config.gradient_accumulation_steps", int) or 1
        steps = warmup // accumulation
        note = "theirs counts micro-steps, ours optimiser steps" if steps != warmup else ""
        m.sets("training.num_warmup_steps", "warmup_steps", steps, note)


def _batch(m: _Mapping, ranks: int) -> None:
    prefix = "deepspeed.config."
    names = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")
    whole, micro, accumulation = (m.number(prefix + name, int) for name in names)
    accumulation = 1 if accumulation is None else accumulation
    if whole is None:
        whole = 128 if micro is None else micro * accumulation * ranks
    for name, value in zip(names, (whole, 1 if micro is None else micro, accumulation), strict=True):
        if value < 1:
            raise HairsplitError(f"{value} is below 1", where=f"{m.where} at {prefix}{name}", hint="mend it")
    m.sets(prefix + names[0], "batch_size", whole)
    m.sets(prefix + names[2], "accumulation", accumulation)
    ours = whole // (accumulation * ranks)
    said = f"{ours} a micro-batch and rank, of batch_size / (accumulation x {ranks} ranks)"
    if micro is not None and micro != ours:
        said += f"; {micro} x {accumulation} x {ranks} is not {whole}: the global batch is kept"
    m.tell(prefix + names[1], said, adapted=micro != ours)


def _objective(m: _Mapping, *, compat: bool) -> dict[str, Any]:
    theirs = str(m.theirs["training.mode"])
    if theirs not in _MODES:
        where = f"{m.where} at training.mode"
        raise HairsplitError(f"no mode is called {theirs!r}", where=where, hint=nearest(theirs, tuple(_MODES)))
    mode = _MODES[theirs]
    spec: dict[str, Any] = {"name": mode} | ({"compat": "thesis"} if compat else {})
    note = "" if compat else "; our numerics, unless --compat"
    m.tell("training.mode", f"objective.name={mode}{note}", adapted=theirs != mode)
    dynamic = m.flag("training.dynamic_weight")
    unused = {_DPO, _LAM, _WEIGHT, "dynamic_weight"} - set(_USES[mode])
    for key, ours in ((_DPO, "beta"), (_LAM, "lam"), (_WEIGHT, "weight")):
        value = m.number(f"training.{key}", float)
        if key not in unused and value is not None and not (key == _WEIGHT and dynamic):
            spec[ours] = value
            m.tell(f"training.{key}", f"objective.{ours}={value:g}")
    for key in unused:
        m.tell(f"training.{key}", f"nothing: mode {mode} has no use for it; {IGNORED}")
    if dynamic and "dynamic_weight" not in unused:
        spec["schedule"] = _schedule(m)
        m.tell("training.dynamic_weight", "objective.schedule")
        m.tell(f"training.{_WEIGHT}", f"nothing: dynamic_weight replaces it; {IGNORED}")
    else:
        why = "dynamic_weight is false" if not dynamic else f"mode {mode} has no weight"
        for key in _SCHEDULE:
            m.tell(f"training.{key}", f"nothing: {why}; {IGNORED}")
        if "dynamic_weight" not in unused:
            m.tell("training.dynamic_weight", "no objective.schedule")
    return spec


def _schedule(m: _Mapping) -> dict[str, Any]:
    """LOSS weight that climbs; keys that the file lacks keep the defaults of the thesis's classes, which are ours."""
    found: dict[str, Any] = {}
    kinds: dict[str, Callable[[Any], Any]] = {"min": float, "max": float, "interval": int, "num_updates": int}
    for key, (ours, kind) in zip(_SCHEDULE, kinds.items(), strict=True):
        value = m.number(f"training.{key}", kind)
        if value is not None:
            found[ours] = value
            m.tell(f"training.{key}", f"objective.schedule.{ours}={value:g}")
    return found


def _engine(m: _Mapping, ranks: int) -> None:
    prefix = "deepspeed.config."
    if m.flag(prefix + "fp16.enabled"):
        m.sets(prefix + "fp16.enabled", "precision", "bf16", "half precision without a loss scale", adapted=True)
    else:
        m.sets(prefix + "fp16.enabled", "precision", "fp32")
    key = prefix + "gradient_checkpointing"
    m.sets(key, "activation_checkpointing", m.flag(key))
    stage = m.number(_STAGE, int)
    if stage not in {None, 0, 1, 2, 3}:
        raise HairsplitError(f"ZeRO has no stage {stage}", where=f"{m.where} at {_STAGE}", hint="0, 1, 2 or 3")
    if stage and ranks > 1:
        m.sets(_STAGE, "engine", f"zero{stage}")
    else:
        why = (
            f"one process has nothing to share; on several it is engine=zero{stage}" if stage else "nothing is sharded"
        )
        m.tell(_STAGE, f"nothing: {why}", adapted=bool(stage))


def _refuse_without_deepspeed(m: _Mapping) -> None:
    """Before an import of minutes, and not after it."""
    engine = str(m.settings.get("engine", "auto"))
    if engine.startswith("zero") and find_spec("deepspeed") is None:
        message, where = f"{engine} is DeepSpeed's, which is not installed", f"{m.where} at {_STAGE}"
        hint = 'pip install "hairsplit[deepspeed]", or put engine=ddp behind it: the same numbers up to rounding'
        raise HairsplitError(message, where=where, hint=hint)
