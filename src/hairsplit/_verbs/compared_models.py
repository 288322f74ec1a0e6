"""The models of a comparison: what each is called, and that each can be loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hairsplit._verbs.asked_suites import unique_names
from hairsplit._verbs.evaluate import model_on
from hairsplit._verbs.sweep import Between
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import folder_name
from hairsplit.encoders.dual_encoder import DualEncoder

Model = str | Path | DualEncoder | Between


@dataclass(frozen=True)
class Known:
    """A model that was loaded once, to see that it can be."""

    label: str
    model: Model
    name: str
    hash: str


def labels_of(models: Sequence[str | Path | DualEncoder]) -> list[str]:
    """A short, unique name of each model.

    Raises:
        HairsplitError: Fewer than two models, or one twice.
    """
    if len(models) < 2:
        what = "no model" if not models else "only one model"
        hint = "name the base and at least one other; of one alone: hairsplit evaluate"
        raise HairsplitError(f"{what} to compare", where="MODEL", hint=hint)
    keys = [id(one) if isinstance(one, DualEncoder) else _place(one) for one in models]
    for n, key in enumerate(keys):
        if key in keys[:n]:
            name = models[n].name if isinstance(models[n], DualEncoder) else models[n]  # type: ignore[union-attr]
            raise HairsplitError(f"{name} is named twice", where="MODEL", hint="name each model once")
    paths = [Path(one.name if isinstance(one, DualEncoder) else one) for one in models]
    paths = [path.resolve() if path.name in {"", ".."} else path for path in paths]
    return unique_names([path.name or "model" for path in paths], [path.parent for path in paths])


def _place(model: str | Path) -> str:
    path = Path(model).expanduser()
    return str(path.resolve()) if path.exists() else str(model)


def check_names(labels: Sequence[str], between: Sequence[Between]) -> None:
    """See that no model is called like one that lies between two.

    Raises:
        HairsplitError: One is.
    """
    made = {folder_name(one.name).casefold() for one in between}
    twin = next((label for label in labels if folder_name(label).casefold() in made), None)
    if twin is not None:
        hint = "give its folder another name"
        raise HairsplitError(f"{twin} is also what a model of --wise-ft would be called", where="MODEL", hint=hint)


def known_model(label: str, model: Model, device: str | None) -> Known:
    """Load a model once.

    Raises:
        HairsplitError: It cannot be loaded.
    """
    encoder = loaded(model, device)
    return Known(label, model, encoder.name, encoder.parameters_hash())


def loaded(model: Model, device: str | None) -> DualEncoder:
    """The model, on its device."""
    return model.load(device) if isinstance(model, Between) else model_on(model, device)


def twins(models: Sequence[Known]) -> list[str]:
    """A sentence on each model that has the same weights as one before it."""
    found = []
    for n, one in enumerate(models):
        twin = next((other for other in models[:n] if other.hash == one.hash), None)
        if twin is not None:
            found.append(f"{one.label} and {twin.label} have the same weights")
    return found
