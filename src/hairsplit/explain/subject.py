"""A model to explain, whatever library it is from: two towers, and how captions and pictures get into them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.preprocess import Preprocess
from hairsplit.explain.towers import Tower, check_attention, clip_towers, plain_block
from hairsplit.explain.words import Words, clip_words, padded_words


@dataclass(frozen=True)
class Subject:
    """What an explanation needs of a model."""

    name: str
    module: nn.Module
    """Holds all weights; its mode is put back after use."""
    text: Tower
    image: Tower
    preprocess: Preprocess
    words: Callable[[str], Words]
    """Tokens of a caption."""
    token_embedding: Callable[[Tensor], Tensor]
    """Ids [N, L] -> [N, L, W], what the text's layer 0 holds of them beside their positions."""
    pad: int
    """Id of which a blank caption is made."""
    patch: float
    """Side of a patch, pixels."""
    scale: float
    """Factor from cosines to logits."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.module.parameters()).dtype


def clip_subject(encoder: DualEncoder) -> Subject:
    """A CLIP of transformers; captions are padded with id 0, which is "!" in OpenAI's vocabulary, as exCLIP does.

    Raises:
        HairsplitError: Its attention has no forward-mode derivative.
    """
    text, image = clip_towers(encoder)
    config = encoder.model.config
    return Subject(
        name=encoder.name,
        module=encoder,
        text=text,
        image=image,
        preprocess=encoder.preprocess,
        words=partial(clip_words, encoder.tokenizer, context_length=encoder.context_length),
        token_embedding=cast(Any, encoder.model.text_model.embeddings.token_embedding),
        pad=0,
        patch=float(config.vision_config.patch_size),
        scale=float(encoder.scale.detach()),
    )


Tokenize = Callable[[str], tuple[Sequence[int], Sequence[tuple[int, int]]]]
"""A caption -> ids without padding, and the place of each in the caption, (0, 0) for an end token."""


def siglip_subject(
    model: nn.Module, tokenize: Tokenize, preprocess: Preprocess, *, pad: int, name: str = "siglip"
) -> Subject:
    """A SiglipModel of transformers; mixed engine only, for its image head reads no position but attends to all.

    There is no class token. The text tower attends to its padding and reads its last position, so that captions are
    padded to its full length and all of those positions are explained.

    Raises:
        HairsplitError: It is no SiglipModel, has no pooling head, or its attention has no forward-mode derivative.
    """
    from transformers import SiglipModel

    if not isinstance(model, SiglipModel) or not model.vision_model.use_head:
        raise HairsplitError("is no SiglipModel with a pooling head", where=name, hint="load it with SiglipModel")
    vision, words = model.vision_model, model.text_model
    check_attention(model.config.vision_config, model.config.text_config, name=name)
    side = model.config.vision_config.image_size // model.config.vision_config.patch_size
    length = model.config.text_config.max_position_embeddings
    if preprocess.size != model.config.vision_config.image_size:
        raise HairsplitError(
            f"preprocessing makes {preprocess.size} px images", where=name, hint="give the model's own preprocessing"
        )
    image = Tower(
        side="image",
        embed=vision.embeddings,
        blocks=tuple(partial(plain_block, block) for block in vision.encoder.layers),
        head=lambda hidden, _: vision.head(vision.post_layernorm(hidden)),
        grid=(side, side),
    )
    text = Tower(
        side="text",
        embed=words.embeddings,
        blocks=tuple(partial(plain_block, block) for block in words.encoder.layers),
        head=lambda hidden, at: words.head(words.final_layer_norm(hidden[:, at])),
    )
    return Subject(
        name=name,
        module=model,
        text=text,
        image=image,
        preprocess=preprocess,
        words=lambda caption: padded_words(caption, *tokenize(caption), length, pad),
        token_embedding=words.embeddings.token_embedding,
        pad=pad,
        patch=float(model.config.vision_config.patch_size),
        scale=float(model.logit_scale.detach().exp()),
    )
