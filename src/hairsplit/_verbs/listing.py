"""`hairsplit list`: what can be chosen, each with one line."""

import inspect

from hairsplit.captions import FAMILIES
from hairsplit.data.formats import FORMATS
from hairsplit.losses import LOSSES
from hairsplit.losses.objectives import OBJECTIVES


def listing() -> dict[str, list[tuple[str, str]]]:
    """Kind of thing -> (name, description) rows."""
    return {
        "losses": [(name, _line(LOSSES[name].compute)) for name in LOSSES.names()],
        "objectives": [(name, _line(spec)) for name, spec in OBJECTIVES.items()],
        "formats": [(name, FORMATS[name].description) for name in FORMATS.names()],
        "families": [(name, " / ".join(FAMILIES[name].example)) for name in FAMILIES.names()],
    }


def _line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]
