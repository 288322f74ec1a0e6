"""`hairsplit convert`: another layout, read back and compared before it is called done."""

import shutil
from pathlib import Path
from typing import Literal

import torch

from hairsplit._verbs.card import model_folder
from hairsplit._verbs.interpolating import interpolated
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder, export
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.report.card import CARD, add_conversion

TOLERANCE = 1e-6


def run_conversion(
    source: str | Path,
    target: Path,
    *,
    to: Literal["transformers", "openai", "open_clip"],
    activation: str | None = None,
    wise_ft: float | None = None,
    base: str | Path | None = None,
) -> str:
    """See `hairsplit.api.convert`.

    Args:
        source: A model, as for `dual_encoder.load`.
        target: File or folder; must not exist yet.
        to: The layout.
        activation: Of the MLPs of a state dict that does not tell it.
        wise_ft: Write (1 - wise_ft) base + wise_ft source instead; see `encoders.interpolate`.
        base: With `wise_ft`; None: the model that the run `source` started from.
    """
    if target.exists():
        raise HairsplitError("exists already; nothing was changed", where=str(target), hint="choose another name")
    if activation not in {None, "gelu", "quick_gelu"}:
        raise HairsplitError(f"no activation is called {activation!r}", where="--activation", hint="gelu or quick_gelu")
    between = interpolated(source, wise_ft, base, activation=activation)
    encoder = between if isinstance(between, DualEncoder) else dual_encoder.load(source, activation=activation)  # type: ignore[arg-type]
    own = encoder.model.config.vision_config.hidden_act
    if activation is not None and own != activation:  # a transformers folder tells its own
        raise HairsplitError(f"the model has {own}, you say {activation}", where=str(source), hint="leave it out")
    if to == "transformers":
        dual_encoder.save(encoder, target)
    elif to == "openai":
        export.save_openai(encoder, target)
    else:
        export.save_open_clip(encoder, target)
    again = dual_encoder.load(target)
    difference = _difference(encoder, again)
    if not difference <= TOLERANCE:  # nan, of a model that has diverged, is no success either
        raise HairsplitError(
            f"reads back differently: embeddings differ by {difference:.2e}", where=str(target), hint="do not use it"
        )
    told = f"read back, embeddings of 4 images and 4 captions differ by {difference:.1e} at most"
    _say_in_card(source, target, to, told, same_weights=wise_ft is None)
    mixed = f"{wise_ft:g} of the way from its base to {source}; " if wise_ft is not None else ""
    return f"{target}: {mixed}{told}"


def _say_in_card(source: str | Path, target: Path, to: str, told: str, *, same_weights: bool) -> None:
    """A folder takes the card of its source along, if it has one, and keeps what was found for a card to come."""
    if not target.is_dir():
        return
    card = _card_of(source) if same_weights else None  # other weights need their own
    if card is not None:
        shutil.copyfile(card, target / CARD)
    add_conversion(target, f"Converted to {to} by `hairsplit convert`; {told}.")


def _card_of(source: str | Path) -> Path | None:
    try:
        card = model_folder(Path(source)) / CARD
    except HairsplitError:
        return None  # a state dict, 'tiny' or a hub id: there is no card to take along
    return card if card.is_file() else None


@torch.no_grad()
def _difference(first: DualEncoder, second: DualEncoder) -> float:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(4, 3, first.image_size, first.image_size, generator=generator)
    ids = first.tokenize(["a red circle", "a photo of a dog.", "the cup is left of the plate", "x"])
    images = (first.encode_image(pixels) - second.encode_image(pixels)).abs().max()
    texts = (first.encode_text(ids) - second.encode_text(ids)).abs().max()
    scale = (first.scale - second.scale).abs() / first.scale
    return float(torch.stack([images, texts, scale]).max())
