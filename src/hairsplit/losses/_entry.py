"""What a loss consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import ConfigDict

from hairsplit.core.errors import HairsplitError
from hairsplit.core.tensors import Embeddings, LossOutput

Compat = Literal["none", "thesis"]
"""`thesis` repeats the numerics of the master's thesis this package succeeds; each docs page states the difference."""

SPEC_CONFIG = ConfigDict(extra="forbid", use_attribute_docstrings=True)
"""Every spec refuses unknown keys, and its docstrings become the descriptions of the configuration's schema."""


@runtime_checkable
class LossSpec(Protocol):
    """The hyper-parameters of one loss: a frozen pydantic dataclass with a default for each field."""

    @property
    def name(self) -> str:
        """File name of the loss."""


def _nothing(_spec: Any) -> Mapping[str, float]:
    return {}


def _never(_spec: Any) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Loss:
    """One loss of the catalogue: its hyper-parameters, its formula and what it asks for."""

    spec: type[Any]
    """Frozen pydantic dataclass, a `LossSpec`."""
    compute: Callable[[Embeddings, Any, Embeddings | None], LossOutput]
    """Pure function of the global batch, the spec and the reference model's embeddings of the same batch."""
    needs_teacher: bool
    """Whether it compares with the frozen model that the run started from."""
    needs_negatives: bool
    """Whether it is pointless without hard negatives."""
    reference: str
    """Where it comes from, as `arXiv:...` or `doi:...`."""
    learned: Callable[[Any], Mapping[str, float]] = _nothing
    """Spec -> name and first value of each scalar that the loss learns beside the model, `Embeddings.learned`."""
    needs_local: Callable[[Any], bool] = _never
    """Spec -> whether it compares patches with tokens, `Embeddings.local_positive` and `local_negative`, for which both
    towers have to give all positions."""


def required(teacher: Embeddings | None, name: str) -> Embeddings:
    """The reference model's embeddings.

    Raises:
        HairsplitError: They were not given.
    """
    if teacher is None:
        raise HairsplitError(
            "compares with the model that the run started from, and its embeddings were not given",
            where=name,
            hint="pass the frozen model's embeddings of the same batch as `teacher`",
        )
    return teacher
