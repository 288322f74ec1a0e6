"""The contenders of `training.py`: each takes optimiser steps on the same batches from the same weights.

Peers get their batches as ready tensors, at no cost in time; hairsplit makes its own, in the time that is measured.
"""

import contextlib
import copy
import importlib.util
import io
import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad
from training_work import Work, pair_batches

from hairsplit.core.tables import PairsTable
from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.encoders.dual_encoder import DualEncoder, save
from hairsplit.encoders.export import open_clip_config
from hairsplit.encoders.trainable import parameter_groups, set_trainable
from hairsplit.encoders.weights import to_openai
from hairsplit.losses import objectives
from hairsplit.losses.triplet import TripletSpec, triplet
from hairsplit.train.config import TrainConfig
from hairsplit.train.distributed import engine
from hairsplit.train.engines import choose
from hairsplit.train.frozen_work import FrozenWork
from hairsplit.train.optimizer import make_optimizer
from hairsplit.train.plan import Plan
from hairsplit.train.update import Update, begin_learned, frozen

RATE, DECAY, CLIP = 1e-6, 1e-4, 1.0
ADAM: dict[str, Any] = {"lr": RATE, "betas": (0.9, 0.98), "eps": 1e-6}
CONTEXT = 77
Step = Callable[[], float]
PEERS = ("open_clip", "sentence_transformers")


@dataclass
class Contender:
    """One way to train."""

    name: str
    step: Step
    """Takes an optimiser step; gives the loss that it had before."""
    images: int
    """That go through the image tower in a step."""
    maths: str | None
    """Contenders of equal `maths` have equal losses; None: another loss than any other's."""
    rival: bool = True
    """One of those against which hairsplit is to be judged."""
    waits: Callable[[], float] = lambda: 0.0
    """Seconds that the last step waited for its batch."""
    close: Callable[[], None] = lambda: None


def importable(name: str) -> bool:
    """Whether a peer is installed."""
    return importlib.util.find_spec(name) is not None


def hairsplit(work: Work, pairs: PairsTable, base: DualEncoder, precision: str, steps: int) -> Contender:
    """What `hairsplit train` runs: batches made ahead, frozen work kept in memory, `Towers` and `Update`."""
    encoder = copy.deepcopy(base)
    config = TrainConfig(
        train=pairs.path,
        objective=work.objective,  # type: ignore[arg-type]
        trainable=work.trainable,  # type: ignore[arg-type]
        batch_size=work.images,
        negatives_per_image=work.negatives,
        precision=precision,  # type: ignore[arg-type]
        lr=RATE,
        weight_decay=DECAY,
        clip_norm=CLIP,
        schedule="constant",
        warmup_steps=0,
        steps=steps,
        val_share=0.0,
    )
    accelerator = engine()
    chosen = choose(config.engine, accelerator)
    teacher = frozen(encoder, accelerator) if objectives.needs_teacher(config.objective) else None
    set_trainable(encoder, config.trainable)
    begin_learned(encoder, config.objective)
    kept = FrozenWork(config, encoder, teacher, accelerator.device)
    batches = pair_batches(work, pairs, encoder)
    batches.known = kept.pictures
    towers, optimizer = chosen.prepare(encoder, lambda: make_optimizer(encoder, lr=RATE, weight_decay=DECAY))
    kept.attach(towers, teacher)
    update = Update(config, chosen, encoder, towers, optimizer, teacher=teacher, penalty=None, steps=steps)
    coming = Plan(batches, accumulation=1, rank=0, ranks=1).steps(0, steps)
    done, waited = 0, 0.0

    def step() -> float:
        nonlocal done, waited
        started = time.perf_counter()
        micro = next(coming)
        waited = time.perf_counter() - started
        parts = update(micro, done).parts
        done += 1
        return parts["loss"]

    def close() -> None:
        coming.close()
        batches.close()
        kept.close()
        accelerator.free_memory()

    return Contender("hairsplit", step, work.images, "own", rival=False, waits=lambda: waited, close=close)


def ready_batches(work: Work, pairs: PairsTable, base: DualEncoder, *, repeat: bool) -> Iterator[Batch]:
    """The same batches in the same order, round and round; with `repeat`, each pair with a copy of its image."""
    batches = pair_batches(work, pairs, base)
    made = [batches.batch(row) for row in Plan(batches, accumulation=1, rank=0, ranks=1).numbers(0, 2 * work.batches)]
    batches.close()
    if repeat and work.negatives > 1:
        made = [_repeated(batch) for batch in made]
    while True:
        yield from made


def _repeated(batch: Batch) -> Batch:
    """K rows for each image, each with one of its negatives; as PairBatches never makes them."""
    k = batch.mask.shape[1]
    rows = {
        name: getattr(batch, name).repeat_interleave(k, 0)
        for name in ("pixels", "caption_ids", "image_keys", "caption_keys")
    }
    negative = batch.negative_ids.flatten(0, 1).unsqueeze(1)
    return Batch(**rows, negative_ids=negative, mask=torch.ones(len(negative), 1, dtype=torch.bool))


def _stepper(
    batches: Iterator[Batch],
    loss: Callable[[Batch], Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    precision: str,
    *,
    after: Callable[[], None] = lambda: None,
) -> Step:
    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            total = loss(next(batches))
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        after()
        return total.item()

    return step


def plain(work: Work, pairs: PairsTable, base: DualEncoder, precision: str) -> Contender:
    """A loop as the thesis wrote it: 77 tokens, an image for each pair, the reference model in every step."""
    encoder = copy.deepcopy(base)
    objective = objectives.resolve(_spec(work), 0)
    reference = copy.deepcopy(base).requires_grad_(False) if objectives.needs_teacher(_spec(work)) else None
    set_trainable(encoder, work.trainable)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(parameter_groups(encoder, DECAY), **ADAM)

    def embed(model: DualEncoder, batch: Batch) -> Embeddings:
        ids, negative = (_padded(one) for one in (batch.caption_ids, batch.negative_ids[:, 0]))
        return Embeddings(
            image=model.encode_image(_pixels(batch)),
            positive=model.encode_text(ids),
            negative=model.encode_text(negative).unsqueeze(1),
            mask=batch.mask,
            scale=model.scale,
        )

    def loss(batch: Batch) -> Tensor:
        teacher = None
        if reference is not None:
            with torch.no_grad():
                teacher = embed(reference, batch)
        return objectives.compute(objective, embed(encoder, batch), teacher).total

    encoder.train()
    batches = ready_batches(work, pairs, base, repeat=True)
    step = _stepper(batches, loss, encoder, optimizer, precision)
    return Contender("plain loop", step, work.pairs, "own" if work.negatives == 1 else None)


def open_clip(work: Work, pairs: PairsTable, base: DualEncoder, precision: str, *, shared: bool) -> Contender:
    """open_clip's model, loss and train step; hard negatives stand behind the captions, as NegCLIP has it."""
    import open_clip as peer

    config = open_clip_config(base)
    vision, text = peer.CLIPVisionCfg(**config["vision_cfg"]), peer.CLIPTextCfg(**config["text_cfg"])
    model = peer.CLIP(config["embed_dim"], vision, text, quick_gelu=config["quick_gelu"], output_dict=True)
    model.load_state_dict(to_openai(base.model))
    last = f"resblocks.{config['text_cfg']['layers'] - 1}."
    for name, parameter in model.named_parameters():
        learns = {
            "full_encoder": True,
            "text_encoder": not name.startswith("visual."),
            "last_encoder": last in name,
        }
        parameter.requires_grad_(learns[work.trainable])
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    small = [p for name, p in named if p.ndim < 2 or "ln" in name or "bias" in name or "logit_scale" in name]
    ids = {id(p) for p in small}
    groups = [
        {"params": small, "weight_decay": 0.0},
        {"params": [p for _, p in named if id(p) not in ids], "weight_decay": DECAY},
    ]
    optimizer = torch.optim.AdamW(groups, **ADAM)

    def loss(batch: Batch) -> Tensor:
        texts = torch.cat([_padded(batch.caption_ids), _padded(batch.negative_ids.flatten(0, 1))])
        found = model(batch.pixels, texts)
        with torch.autocast("cpu", enabled=False):
            image, captions = found["image_features"].float(), found["text_features"].float()
            logits = found["logit_scale"] * image @ captions.T  # [B, B + B K]
            target = torch.arange(len(image))
            return (cross_entropy(logits, target) + cross_entropy(logits[:, : len(image)].T, target)) / 2

    def clamp() -> None:
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))

    model.train()
    batches = ready_batches(work, pairs, base, repeat=not shared)
    step = _stepper(batches, loss, model, optimizer, precision, after=clamp)
    equal = "own" if shared or work.negatives == 1 else None
    name = "open_clip, images shared" if shared else "open_clip"
    return Contender(name, step, work.images if shared else work.pairs, equal, rival=not shared)


def sentence_transformers(
    work: Work, pairs: PairsTable, base: DualEncoder, precision: str, *, shared: bool
) -> Contender:
    """sentence-transformers' model and MultipleNegativesRankingLoss, and the fused AdamW that its trainer takes."""
    import sentence_transformers as peer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        save(base, Path(folder) / "clip")
        model = peer.SentenceTransformer(modules=[Transformer(str(Path(folder) / "clip"))], device="cpu")
    encoder = DualEncoder(model[0].model, base.tokenizer, base.preprocess)
    set_trainable(encoder, work.trainable)  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(parameter_groups(encoder, DECAY), **ADAM, fused=True)
    ranking = MultipleNegativesRankingLoss(model)
    end = base.tokenizer.eos

    def column(ids: Tensor) -> dict[str, Any]:
        length = (ids == end).int().argmax(dim=1) + 1
        ids = ids[:, : int(length.max())]  # the longest of the column, as its processor pads
        mask = (torch.arange(ids.shape[1]) < length.unsqueeze(1)).long()
        return {"input_ids": ids.masked_fill(mask == 0, end), "attention_mask": mask, "modality": "text"}

    def loss(batch: Batch) -> Tensor:
        negatives = [column(batch.negative_ids[:, k]) for k in range(batch.negative_ids.shape[1])]
        image = {"pixel_values": batch.pixels, "modality": "image"}
        total: Tensor = ranking([image, column(batch.caption_ids), *negatives], torch.zeros(0))
        return total

    encoder.train()
    batches = ready_batches(work, pairs, base, repeat=not shared)
    step = _stepper(batches, loss, encoder, optimizer, precision)
    equal = "triplet" if shared or work.negatives == 1 else None
    name = "sentence-transformers, n-tuples" if shared else "sentence-transformers"
    return Contender(name, step, work.images if shared else work.pairs, equal, rival=not shared)


def triplet_loss(work: Work, pairs: PairsTable, base: DualEncoder) -> float:
    """The loss of hairsplit where sentence-transformers' is meant, on the first batch, from the plain embeddings."""
    batch = next(ready_batches(work, pairs, base, repeat=False))
    with torch.no_grad():
        negative = base.encode_text(batch.negative_ids.flatten(0, 1)).unflatten(0, batch.mask.shape)
        image, positive = base.encode_image(_pixels(batch)), base.encode_text(batch.caption_ids)
        z = Embeddings(image=image, positive=positive, negative=negative, mask=batch.mask, scale=base.scale)
        return triplet(z, TripletSpec()).total.item()


def _spec(work: Work) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(objectives.ObjectiveSpec).validate_python(dict(work.objective))


def _padded(ids: Tensor) -> Tensor:
    return pad(ids, (0, CONTEXT - ids.shape[1]))


def _pixels(batch: Batch) -> Tensor:
    if batch.pixels is None:
        raise TypeError("a batch without pixels")
    return batch.pixels
