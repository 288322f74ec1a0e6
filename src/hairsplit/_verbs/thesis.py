"""`hairsplit train --thesis-config`: the thesis's YAML and HNC files, imported into the run folder, then trained on."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from hairsplit._verbs.train import run_training
from hairsplit.core.config import validate
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import write_json
from hairsplit.data.importing import Draw, import_pairs
from hairsplit.data.rows import open_pairs
from hairsplit.encoders.tokens import Tokenizer
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.elastic import begun, claim, restarted
from hairsplit.train.loop import Summary
from hairsplit.train.patience import first_alone, lost_ranks
from hairsplit.train.thesis_config import IGNORED, ThesisRun, read_thesis

_DATA = "data"
_MOST_HELD_OUT = 0.5
"""Share of the images; where val_size asks for more, train would be the smaller part."""


def run_thesis(
    file: Path,
    words: Sequence[str],
    out: Path,
    *,
    compat: bool = False,
    resume: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = lambda _line: None,
) -> Summary:
    """Fine-tune as a YAML of the HNC thesis says; its HNC files become pairs tables in the folder `out`.

    Args:
        file: The YAML, unchanged; see `train.thesis_config`.
        words: KEY=VALUE, in the thesis's keys (`training.train_size=1000`) or in ours (`model=FILE`).
        out: Run folder; must not exist, unless `resume`.
        compat: Repeat the thesis's numerics too.
        resume: Go on from the last state in `out`, on the tables that are there.
        quiet: Do not print what learns.
        say: Is told what became of each key, and of the files.

    Raises:
        HairsplitError: Bad input; the key that named it is said.
    """
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    thesis = read_thesis(file, words, compat=compat, ranks=ranks)
    settings = {"train": thesis.train_json, **thesis.settings}
    checked = validate(TrainConfig, settings, str(file), _overridden(words))
    first = int(os.environ.get("RANK", "0")) == 0
    timeout = timedelta(minutes=checked.timeout_minutes)
    resume = resume or restarted(out)
    if first:
        say(table(thesis))
    if resume:
        if not (out / "config.yaml").is_file():
            raise HairsplitError("no run to resume", where=str(out), hint="start it without --resume")
        return run_training(_config(thesis, out, file), out, resume=True, quiet=quiet)
    with _claimed(out) if first else contextlib.nullcontext():
        with lost_ranks(out, timeout):
            if ranks > 1:
                engine(timeout)  # so that the others know that the first rank is there
            with first_alone(timeout):
                if first:
                    _import(thesis, out, say)
        return run_training(_config(thesis, out, file), out, resume=False, quiet=quiet, claimed=True)


def table(thesis: ThesisRun) -> str:
    """Each key, its value and what became of it; then what was adapted, and what the thesis ignored, by name."""
    width = max(len(row.key) for row in thesis.rows)
    shown = max(len(_short(row.value)) for row in thesis.rows)
    lines = [f"{row.key:<{width}}  {_short(row.value):<{shown}}  {row.became}" for row in thesis.rows]
    adapted = [row.key for row in thesis.rows if row.adapted]
    ignored = [row.key for row in thesis.rows if row.became.endswith(IGNORED)]
    for said, keys in (("adapted", adapted), (IGNORED, ignored)):
        lines.append(f"{said}: {', '.join(keys) or 'none'}")
    return "\n".join(lines)


def _short(value: Any, most: int = 32) -> str:
    text = str(value)
    return text if len(text) <= most else "..." + text[3 - most :]


def _overridden(words: Sequence[str]) -> set[str]:
    return {word.partition("=")[0].split(".")[0] for word in words}


@contextlib.contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Claim the run folder; if the run does not begin, nothing is left of it."""
    existed = out.is_dir()
    claim(out)
    try:
        yield
    except BaseException:
        if not (out / "config.yaml").exists():
            shutil.rmtree(out / _DATA, ignore_errors=True)
            begun(out)
            (out / "stamp.json").unlink(missing_ok=True)
            if not existed:
                with contextlib.suppress(OSError):  # someone else put something there
                    out.rmdir()
        raise


def _import(thesis: ThesisRun, out: Path, say: Callable[[str], None]) -> None:
    """Make pairs tables of the HNC files."""
    seed = int(thesis.settings.get("seed", 0))
    for name, source, pairs in (("train", thesis.train_json, thesis.train_size), ("val", thesis.val_json, None)):
        if source is None:
            continue
        report = import_pairs(
            "hnc",
            source,
            thesis.images,
            out / _DATA / f"{name}.parquet",
            over_long=Tokenizer().is_over_long,
            check_images="exists",  # training decodes each of them before the first step
            draw=Draw(seed=seed, pairs=pairs),
        )
        say(f"{name}: {report}")
    write_json(out / _DATA / "thesis.json", [vars(row) for row in thesis.rows])


def _config(thesis: ThesisRun, out: Path, file: Path) -> TrainConfig:
    """The configuration on the tables in the run folder."""
    train, val = out / _DATA / "train.parquet", out / _DATA / "val.parquet"
    tables: dict[str, Any] = {"train": str(train)}
    if thesis.val_json is not None:
        tables["val"] = str(val)
    elif thesis.val_size is not None:
        share = thesis.val_size / len(open_pairs(train))
        tables["val_share"] = min(_MOST_HELD_OUT, share)
    return validate(TrainConfig, {**tables, **thesis.settings}, str(file))
