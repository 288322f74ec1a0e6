"""One fine-tuning run's configuration: typed, bounded, with units."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hairsplit.encoders.lora import LoraConfig
from hairsplit.encoders.trainable import TrainableMode
from hairsplit.losses.objectives import HncL2Spec, ObjectiveSpec
from hairsplit.train.engines.names import REPLICATED, EngineName
from hairsplit.train.stopping import OnForgetting
from hairsplit.train.tracking import TrackerNames

Precision = Literal["fp32", "bf16"]


@dataclass(
    frozen=True, kw_only=True, config=ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
)
class TrainConfig:
    """One fine-tuning run; whatever can change a number is in here."""

    train: Path
    """Pairs table to train on."""
    model: str = "tiny"
    """Where the run starts: 'tiny', a run or transformers folder, OpenAI or open_clip weights, or a hub id."""
    images: Path | None = None
    """Images root of `train`; None: the one that the table names."""
    val: Path | None = None
    """Pairs table for validation; None: `val_share` of the training images are held out."""
    val_images: Path | None = None
    """Images root of `val`; None: the one that the table names."""
    val_share: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Share of the training *images* held out for validation where `val` is not given; 0: none."""
    max_val_pairs: Annotated[int, Gt(0)] = 2_000
    """At most so many pairs are validated, whole images, drawn with the seed."""
    never: tuple[Path, ...] = ()
    """Pairs tables of evaluation sets: an image of theirs in `train`, held-out images included, is an error."""
    objective: ObjectiveSpec = field(default_factory=HncL2Spec)
    """What is minimised; a name from `hairsplit list objectives`, or a mapping with `name` and its settings."""
    trainable: TrainableMode = "full_encoder"
    """Parameters that learn; the others stay frozen, their modules in eval mode."""
    lora: LoraConfig | None = None
    """Adapters of `trainable: lora`; None: its defaults."""
    freeze_logit_scale: bool = False
    """Keep the temperature of the start model."""
    batch_size: Annotated[int, Ge(2)] = 128
    """Images per optimiser step, over all ranks and micro-batches."""
    accumulation: Annotated[int, Gt(0)] = 1
    """Micro-batches per optimiser step; a contrastive loss sees one micro-batch (of all ranks) at a time."""
    chunk: Annotated[int, Gt(0)] | None = None
    """Images of a rank whose activations are held at a time: a micro-batch of more goes through the towers in chunks,
    twice, for the loss and gradient of the whole (gradient caching); None: in one pass. Not with a sharding engine."""
    activation_checkpointing: bool = False
    """Blocks keep their input only and are computed again in the backward pass: less memory, a third more work; changes
    no number but for rounding."""
    compile: bool = False
    """The blocks that learn are compiled by torch.compile, which takes a minute or more at the start of each run and a
    C++ compiler (on a GPU triton); changes no number but for rounding. Not with a sharding engine."""
    negatives_per_image: Annotated[int, Gt(0)] = 1
    """Most hard negatives (K) that go with one positive in a step."""
    epoch: Literal["pairs", "images"] = "pairs"
    """One epoch is every pair once, those of one image and caption joined up to K; or every image once, with K of its
    pairs drawn anew each time: the first gives the caption, all of them give negatives."""
    kind_weights: dict[str, Annotated[float, Ge(0)]] | Literal["balanced"] = field(default_factory=dict)
    """Kind -> how often an epoch shows its pairs (1 if not named; 0 leaves a kind out); `balanced`: all kinds equally
    often. Where a step joins pairs of several kinds (`negatives_per_image` > 1), it is shown as often as their mean
    says; with `epoch: images` the weights are the odds with which an image's pairs are drawn."""
    steps: Annotated[int, Gt(0)] | None = None
    """Optimiser steps in all; None: as many as `epochs` need."""
    epochs: Annotated[int, Gt(0)] = 1
    """Passes over the training pairs, or images, where `steps` is not given."""
    lr: Annotated[float, Gt(0)] = 5e-6
    """Peak learning rate of AdamW (betas 0.9 and 0.98, epsilon 1e-6), after warm-up."""
    layer_decay: Annotated[float, Gt(0), Le(1)] = 1.0
    """Block l of L of a tower learns at layer_decay^(L - l) times the rate, embeddings at layer_decay^L, projections,
    final norms and the logit scale at the rate itself."""
    warmup_steps: Annotated[int, Ge(0)] | None = None
    """Optimiser steps over which the rate rises linearly from 0; None: 50, or a fifth of all steps if that is less."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """After warm-up: down to zero along a half cosine, or constant."""
    weight_decay: Annotated[float, Ge(0)] = 1e-4
    """Decoupled decay of matrices; none on norms, biases and the logit scale."""
    clip_norm: Annotated[float, Ge(0)] = 1.0
    """The gradient is scaled down to this global norm; 0: never."""
    ema: Annotated[float, Gt(0), Lt(1)] | None = None
    """Decay of an exponential moving average of the weights, such as 0.999, after n steps at most (1 + n) / (10 + n);
    the average is what is validated and saved. None: the weights themselves are."""
    precision: Precision = "fp32"
    """bf16: the towers run under autocast; weights and losses stay float32."""
    validate_every: Annotated[int, Gt(0)] = 200
    """Optimiser steps between validations; there is one at the start and one at the end as well."""
    patience: Annotated[int, Gt(0)] | None = None
    """Stop after so many validations in a row without a better mean over kinds; None: never."""
    recognition: Path | None = None
    """Folder with one sub folder of pictures per class: zero-shot top-1 is measured at each validation. Its decoded
    pictures are kept like those of `images`, in as much memory again."""
    forgetting_budget: Annotated[float, Ge(0), Lt(1)] | None = None
    """How far top-1 on `recognition` may fall below the start's, as a share: 0.01 is one point; None: any distance. A
    model beyond it is never the best."""
    on_forgetting: OnForgetting = "stop"
    """What follows when top-1 falls by more than `forgetting_budget`: stop, or warn once and go on."""
    save_every: Annotated[int, Gt(0)] = 200
    """Optimiser steps between checkpoints to resume from."""
    keep_last: Annotated[int, Ge(0)] = 0
    """Keep the last so many of those as checkpoints/step_000200 and so on, beside `last` and `best`; 0: none."""
    engine: EngineName = "auto"
    """How several ranks share the work: ddp (each holds all weights), fsdp2 (each holds a share of the weights,
    gradients and optimiser's state), or DeepSpeed's zero1 (a share of the optimiser's state), zero2 (of gradients as
    well), zero3 (of weights as well); auto: ddp. Changes no number but for rounding."""
    timeout_minutes: Annotated[float, Gt(0)] = 30.0
    """A rank that gets no answer of another for so long ends, saying so; what the first rank does alone (checking
    pictures, validating, saving) may take longer. Changes no number."""
    log_every: Annotated[int, Gt(0)] = 10
    """Optimiser steps between lines of the log."""
    log_gradient_norms: bool = False
    """Log the norm of each weighted term's gradient as grad_norm/TERM, over all parameters that learn, before clipping:
    one more backward pass per term, at the steps that are logged; changes no number. Not with a sharding engine."""
    trackers: TrackerNames = ()
    """Experiment trackers that get each line of the log as well: tensorboard, trackio, wandb; changes no number."""
    tracker_project: Annotated[str, MinLen(1)] = "hairsplit"
    """Project of wandb and trackio."""
    tracker_run: Annotated[str, MinLen(1)] | None = None
    """The run's name there; None: that of the run folder."""
    seed: Annotated[int, Ge(0), Lt(2**32)] = 0
    """Of the order of the pairs and of dropout."""
    threads: Annotated[int, Gt(0)] = 2
    """Threads that decode pictures; changes no number."""
    image_memory: Annotated[int, Ge(0)] = 2_048
    """Megabytes of decoded pictures that are kept; changes no number."""
    pixel_cache: Path | None = None
    """Folder to keep decoded pictures in, for later epochs and runs; changes no number."""
    pixel_cache_megabytes: Annotated[int, Gt(0)] = 16_384
    """Most room of `pixel_cache`; what does not fit is decoded each time."""
    frozen_cache: Path | None = None
    """Folder to keep the outputs of frozen blocks and of the reference model in, for later runs and other ranks; None:
    each rank's memory. Changes no number."""
    frozen_cache_megabytes: Annotated[int, Ge(0)] = 4_096
    """Most room of it; what does not fit is computed each time. Changes no number."""
    frozen_cache_precision: Precision = "fp32"
    """bf16: hidden states are kept, and given on, in bfloat16, half the room for rounding to 8 bits; embeddings stay
    float32. Changes numbers, where anything but whole towers is frozen."""

    def __post_init__(self) -> None:
        if self.lora is not None and self.trainable != "lora":
            raise ValueError(f"lora is given, and {self.trainable} has no adapters: use `trainable: lora`")
        if self.ema is not None and self.engine not in REPLICATED:
            raise ValueError(f"ema averages whole weights, and {self.engine} shards: use `engine: ddp`, or no ema")
        if self.engine not in REPLICATED and (self.chunk is not None or self.log_gradient_norms):
            key = "log_gradient_norms" if self.chunk is None else "chunk"
            raise ValueError(f"{key} needs whole weights on each rank, and {self.engine} shards: use `engine: ddp`")
        if self.compile and self.engine not in REPLICATED:
            raise ValueError(f"compile needs whole blocks on each rank, and {self.engine} shards: use `engine: ddp`")
        if self.compile and self.trainable == "projections":
            raise ValueError("compile compiles the blocks that learn, and in `projections` none does: leave it out")
        if self.forgetting_budget is not None and self.recognition is None:
            raise ValueError("forgetting_budget needs `recognition`, a folder of pictures per class")
        if self.patience is not None and self.val is None and not self.val_share:
            raise ValueError(f"patience={self.patience} needs validation pairs: give `val`, or a val_share")
        if self.steps is not None and self.warmup_steps is not None and self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps={self.warmup_steps} leaves no training, for steps={self.steps}")
        if self.batch_size % self.accumulation or self.batch_size // self.accumulation < 2:
            raise ValueError(f"batch_size={self.batch_size} cannot be cut into accumulation={self.accumulation} parts")
