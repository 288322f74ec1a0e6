"""What an explanation depends on, and three choices that have names."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.explain.lines import Engine
from hairsplit.explain.quadrature import Quadrature, Rule

ScoreKind = Literal["cosine", "fixed", "dot"]
TextReference = Literal["pad", "zeros"]
ImageReference = Literal["mean", "black", "blur"]
Preset = Literal["fast", "words", "pixels"]


@dataclass(frozen=True, kw_only=True)
class ExplainConfig:
    """Layers, references, unit and accuracy of an explanation.

    Raises:
        HairsplitError: A value that is none of those named, or a tolerance outside (0, 1).
    """

    text_layer: int = 0
    """Block at whose input words are told apart, from 0; negative ones from the end. Deeper ones have mixed them."""
    image_layer: int = -2
    """The same for patches. At the last block much lies on the class token, which no picture shows."""
    score: ScoreKind = "cosine"
    """cosine: embeddings scaled within the function, so that all parts are true cosines. dot: not scaled. fixed: the
    dot product over the constant lengths of this caption's and this image's embeddings, as exCLIP has it."""
    text_reference: TextReference = "pad"
    """pad: id 0 at each word's token. zeros: no word there, the position alone. The length stays the caption's."""
    image_reference: ImageReference = "mean"
    """mean: the grey that preprocessing maps to 0. black. blur: the picture itself, blurred."""
    tolerance: float = 1e-3
    """Error of an integral over the change of the embedding."""
    engine: Engine = "auto"
    rule: Rule = "adaptive"
    nodes: int = 20
    """Of rules other than the adaptive one."""

    def __post_init__(self) -> None:
        choices: dict[str, tuple[str, ...]] = {
            "score": get_args(ScoreKind),
            "text_reference": get_args(TextReference),
            "image_reference": get_args(ImageReference),
            "engine": get_args(Engine),
            "rule": get_args(Rule),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed:
                raise HairsplitError(f"{name}={value!r} is unknown", where="explain", hint=nearest(str(value), allowed))
        if not 0 < self.tolerance < 1:
            raise HairsplitError(f"tolerance={self.tolerance} is not in (0, 1)", where="explain", hint="take 1e-3")
        if self.nodes < 1:
            raise HairsplitError(f"nodes={self.nodes} is below 1", where="explain", hint="take 20")

    @property
    def quadrature(self) -> Quadrature:
        """How lines are sampled."""
        return Quadrature(rule=self.rule, tolerance=self.tolerance, nodes=self.nodes)

    def as_dict(self) -> dict[str, Any]:
        """For files."""
        return asdict(self)


PRESETS: Mapping[Preset, ExplainConfig] = {
    "fast": ExplainConfig(text_layer=-1, image_layer=-1),
    "words": ExplainConfig(text_layer=0, image_layer=-2),
    "pixels": ExplainConfig(text_layer=0, image_layer=0),
}
"""fast: whole captions and noun phrases, at about the cost of scoring. words: single words, attributes, hard negatives;
an image tower of one block is entered there. pixels: where in the picture itself the evidence lies."""
