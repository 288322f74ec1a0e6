"""`hairsplit report --card`: the README.md of a model's folder."""

import re
from collections.abc import Sequence
from pathlib import Path

from hairsplit import __version__
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.tokens import shipped_merges
from hairsplit.report.card import Card, write_card

_LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def run_card(
    folders: Sequence[Path],
    model: Path,
    *,
    licence: str | None = None,
    data_licence: str | None = None,
    base: str | None = None,
) -> Path:
    """See `card` of `hairsplit.api.report`."""
    for option, value in (("--license", licence), ("--data-license", data_licence)):
        if value is not None and not _LICENCE.fullmatch(value):
            raise HairsplitError(
                f"{value!r} is no identifier of a licence", where=option, hint="such as apache-2.0, cc-by-4.0 or other"
            )
    folder = model_folder(model)
    encoder = dual_encoder.load(folder)
    card = Card(
        weights=encoder.parameters_hash(),
        name=_name(folder),
        version=__version__,
        licence=licence,
        data_licence=data_licence,
        merges=encoder.tokenizer.merges < len(shipped_merges()),
        base=base,
    )
    return write_card(folders, folder, card)


def _name(folder: Path) -> str:
    here = folder.resolve()
    return here.parents[1].name if here.parent.name == "checkpoints" else here.name


def model_folder(model: Path) -> Path:
    """The transformers folder that `model` is, or holds as the best or last checkpoint of a run.

    Raises:
        HairsplitError: It is none.
    """
    candidates = (model, model / "checkpoints" / "best", model / "checkpoints" / "last")
    for folder in candidates:
        if (folder / "config.json").is_file() and (folder / "model.safetensors").is_file():
            return folder
    raise HairsplitError(
        "is no folder of a transformers model, and no run that holds one",
        where=str(model),
        hint="`hairsplit convert MODEL DIR --to transformers` makes one",
    )
