"""`--wise-ft` of evaluate and convert: a run's model, or any, taken back part of the way to where it started."""

from pathlib import Path
from typing import Any

from hairsplit.core.config import load_yaml
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import read_json
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.interpolate import interpolate

_HINT = "name it: --base MODEL"


def interpolated(
    model: str | Path | DualEncoder, alpha: float | None, base: str | Path | DualEncoder | None, **options: Any
) -> str | Path | DualEncoder:
    """The model that is alpha of the way from `base` to `model`; `model` itself where alpha is None.

    Args:
        model: As for `dual_encoder.load`, or loaded.
        alpha: 0 is the base, 1 the model.
        base: None: the model that the run `model` started from, by its config.yaml, whose weights must be those that
            it started from, by its stamp.
        options: For `dual_encoder.load` of `model`.

    Raises:
        HairsplitError: A base without alpha; alpha out of its limits; a model that is not part of a run, without a
            base; a base whose weights have changed; or models of different architectures.
    """
    if alpha is None:
        if base is not None:
            raise HairsplitError("means nothing without --wise-ft", where="--base", hint="such as --wise-ft 0.5")
        return model
    if not 0 <= alpha <= 1:
        raise HairsplitError(
            f"{alpha:g} is not between 0 and 1", where="--wise-ft", hint="0 is the base, 1 is the model"
        )
    expected: str | None = None
    if base is None:
        base, expected = _start_of(model)
    start = base if isinstance(base, DualEncoder) else dual_encoder.load(base)
    if expected is not None and start.parameters_hash() != expected:
        raise HairsplitError(
            f"the weights of {start.name} are not those that the run started from",
            where=str(model),
            hint="put them back, or name another base: --base MODEL",
        )
    return interpolate(start, model if isinstance(model, DualEncoder) else dual_encoder.load(model, **options), alpha)


def _start_of(model: str | Path | DualEncoder) -> tuple[str, str | None]:
    """The start model of the run that a run folder, or a checkpoint inside one, belongs to, and its hash if known."""
    if not isinstance(model, DualEncoder):
        folder = Path(model)
        for run in (folder, *list(folder.parents)[:2]):  # RUN/checkpoints/best
            if (run / "config.yaml").is_file() and (run / "stamp.json").is_file():
                stamp, config = read_json(run / "stamp.json"), load_yaml(run / "config.yaml")
                known = stamp.get("start_model") if isinstance(stamp, dict) else None
                return str(config.get("model", "tiny")), known if isinstance(known, str) else None
        dual_encoder.load(model)  # a misspelt path is told as one
    name = model.name if isinstance(model, DualEncoder) else str(model)
    raise HairsplitError("is no run of ours, which would say what it started from", where=name, hint=_HINT)
