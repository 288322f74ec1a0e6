"""What may learn: the choices of trainable parameters, the table that says so, and weight decay."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from torch import nn

from hairsplit.core.catalog import nearest
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import lora as adapters
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.lora import LoraConfig

TrainableMode = Literal["text_encoder", "vision_encoder", "full_encoder", "last_encoder", "projections", "lora"]
"""text_encoder, vision_encoder: one tower with its projection. full_encoder: everything. last_encoder: the last block
of both towers. projections: both projections. lora: low-rank adapters in the blocks, see `LoraConfig`. The logit scale
learns too in the first three, unless frozen."""

MODES: tuple[TrainableMode, ...] = get_args(TrainableMode)
_WITH_SCALE = ("text_encoder", "vision_encoder", "full_encoder")


@dataclass(frozen=True)
class TrainableRow:
    """One group of parameters."""

    name: str
    parameters: int
    """Numbers in the group."""
    learns: bool
    share: float
    """Of all the model's numbers, 0 to 1."""


@dataclass(frozen=True)
class TrainableTable:
    """What learns and what is frozen, group by group."""

    mode: TrainableMode
    rows: tuple[TrainableRow, ...]

    @property
    def parameters(self) -> int:
        """Numbers in the model."""
        return sum(row.parameters for row in self.rows)

    @property
    def learning(self) -> int:
        """Numbers that learn."""
        return sum(row.parameters for row in self.rows if row.learns)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"parameters": self.parameters, "learning": self.learning}

    def __str__(self) -> str:
        lines = [
            f"{row.name:<24}{row.parameters:>14,}{100 * row.share:>8.2f} %  {'learns' if row.learns else 'frozen'}"
            for row in self.rows
        ]
        share = 100 * self.learning / self.parameters
        return "\n".join([*lines, f"{f'learning ({self.mode})':<24}{self.learning:>14,}{share:>8.2f} %"])


def set_trainable(
    encoder: DualEncoder,
    mode: TrainableMode,
    *,
    freeze_logit_scale: bool = False,
    lora: LoraConfig | None = None,
    seed: int = 0,
) -> TrainableTable:
    """Let the parameters of `mode` learn, freeze the rest, and put what is frozen in eval mode.

    `encoder.train()` leaves frozen modules in eval mode from then on. Adapters of an earlier call are merged; only the
    mode `lora` puts in new ones.

    Args:
        encoder: Changed in place.
        mode: What learns.
        freeze_logit_scale: Whatever the mode says.
        lora: Of the mode `lora`; None: its defaults.
        seed: Of the adapters' first values.

    Raises:
        HairsplitError: There is no such mode, or peft is needed and not installed.
    """
    if mode not in MODES:
        raise HairsplitError(f"no trainable mode is called {mode!r}", where="trainable", hint=nearest(mode, MODES))
    adapters.merge(encoder.model)
    if mode == "lora":
        adapters.add_adapters(encoder.model, lora or LoraConfig(), seed=seed)
    total = sum(p.numel() for p in encoder.parameters())
    rows = []
    for name, parameters in _groups(encoder):
        learns = _learns(name, mode) and not (freeze_logit_scale and name == "logit scale")
        for parameter in parameters:
            parameter.requires_grad_(learns)
        count = sum(p.numel() for p in parameters)
        rows.append(TrainableRow(name, count, learns, count / total))
    encoder.train(encoder.training)
    return TrainableTable(mode, tuple(rows))


def train_mode(encoder: DualEncoder) -> None:
    """Put the modules that learn in train mode, all others in eval mode."""
    encoder.train()


def parameter_groups(encoder: DualEncoder, weight_decay: float) -> list[dict[str, Any]]:
    """The learning parameters as an optimiser's groups: decayed, and not decayed.

    No decay on norms, biases, the class embedding and the logit scale, which are vectors or scalars. Token and position
    embeddings are matrices and decay, as in OpenAI's training and open_clip's.
    """
    norms = {id(p) for module in encoder.modules() if isinstance(module, nn.LayerNorm) for p in module.parameters()}
    learning = [p for p in encoder.parameters() if p.requires_grad]
    decayed = [p for p in learning if p.ndim >= 2 and id(p) not in norms]
    others = [p for p in learning if p.ndim < 2 or id(p) in norms]
    groups: list[dict[str, Any]] = [
        {"name": "decay", "params": decayed, "weight_decay": weight_decay},
        {"name": "no_decay", "params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _learns(group: str, mode: TrainableMode) -> bool:
    tower, _, part = group.partition(" ")
    if part == "adapters":
        return True
    chosen: dict[TrainableMode, bool] = {
        "text_encoder": tower == "text",
        "vision_encoder": tower == "vision",
        "full_encoder": True,
        "last_encoder": part == "last block",
        "projections": part == "projection",
        "lora": False,
    }
    return mode in _WITH_SCALE if group == "logit scale" else chosen[mode]


def _groups(encoder: DualEncoder) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """Every parameter of the model in exactly one named group, input to output."""
    model = encoder.model
    text, vision = model.text_model, model.vision_model
    parts: list[tuple[str, Sequence[nn.Module | nn.Parameter]]] = [
        ("text token embedding", [text.embeddings.token_embedding]),
        ("text positions", [text.embeddings.position_embedding]),
        ("text earlier blocks", list(encoder.text_blocks)[:-1]),
        ("text last block", list(encoder.text_blocks)[-1:]),
        ("text final norm", [text.final_layer_norm]),
        ("text projection", [model.text_projection]),
        ("vision patch embedding", [vision.embeddings.class_embedding, vision.embeddings.patch_embedding]),
        ("vision positions", [vision.embeddings.position_embedding]),
        ("vision first norm", [vision.pre_layrnorm]),
        ("vision earlier blocks", list(encoder.vision_blocks)[:-1]),
        ("vision last block", list(encoder.vision_blocks)[-1:]),
        ("vision final norm", [vision.post_layernorm]),
        ("vision projection", [model.visual_projection]),
        ("logit scale", [cast(nn.Parameter, model.logit_scale)]),
    ]
    added = {id(p) for name, p in model.named_parameters() if adapters.is_adapter(name)}
    blocks = {"text": encoder.text_blocks, "vision": encoder.vision_blocks}
    for name, pieces in parts:
        parameters = [p for x in pieces for p in (x.parameters() if isinstance(x, nn.Module) else [x])]
        own = [p for p in parameters if id(p) not in added]
        if own:  # a tower of one block has no earlier ones
            yield name, own
        if name.endswith("last block"):
            tower = name.partition(" ")[0]
            if within := [p for p in blocks[tower].parameters() if id(p) in added]:
                yield f"{tower} adapters", within
