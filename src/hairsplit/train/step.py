"""One training step's forward pass: a batch in, the embeddings a loss sees out."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import embedding, pad

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.encoders.blocks import Calls
from hairsplit.encoders.dual_encoder import DualEncoder, unit
from hairsplit.encoders.stages import PLAIN, Stages, drops, position, stages
from hairsplit.losses import local_similarity
from hairsplit.train.buckets import OVERHEAD, OVERHEAD_OF_A_GPU, buckets


class Towers(nn.Module):
    """The encoder as one module with one forward pass, as engines that wrap a module need it.

    Only what counts is computed: of a tower's last block the one position that is read, of equal captions one, and
    next to no padding; the embeddings and gradients are those of `encode_image` and `encode_text`.

    Args:
        encoder: What learns in it must be set before.
        sharded: The engine shards the encoder (FSDP, ZeRO): its hooks need whole blocks, and all ranks to pass
            through them equally often, so all captions go through the text tower at once.
        local: The objective compares patches with tokens: all positions are computed to the end.
    """

    def __init__(self, encoder: DualEncoder, *, sharded: bool = False, local: bool = False) -> None:
        super().__init__()
        self.encoder, self.local = encoder, local
        frozen = frozen_fields(encoder)
        self._vision, self._text = "image" not in frozen, "positive" not in frozen
        self._image_stages = None if sharded else stages(encoder, "image", all_positions=local)
        self._text_stages = None if sharded else stages(encoder, "text", all_positions=local)
        self.frozen_images: Callable[[Batch], Tensor] | None = None
        """Gives what the frozen steps make of the pictures of a batch, kept from before; None: they are run."""
        self.frozen_captions: Callable[[Tensor, Tensor], Tensor] | None = None
        """The same of captions (ids, read positions), behind which there are zeros."""

    def chains(self) -> tuple[Stages, ...]:
        """Both towers as chains of steps, image and text; none of a tower that cannot be cut in two."""
        return tuple(chain for chain in (self._image_stages, self._text_stages) if chain is not None)

    def call_blocks(self, calls: Calls) -> None:
        """Let what learns call its blocks through `calls`; both towers must be chains of steps."""
        if self._image_stages is None or self._text_stages is None:
            raise ValueError("a tower is no chain of steps")
        self._image_stages, self._text_stages = (
            replace(chain, calls=calls if _learns(chain) else PLAIN)
            for chain in (self._image_stages, self._text_stages)
        )

    def run_chain(self, chain: Stages, x: Tensor, at: Int64[Tensor, " N"]) -> Float[Tensor, "N ..."]:
        """What a step makes of pixels or ids, all of them different, in one of `chains`; nothing is kept of it."""
        read = self.frozen_images if chain.tower == "image" else self.frozen_captions
        if chain.tower == "text" and read is None and drops(self.encoder.model.text_model):
            return chain.whole(x, at)
        features = chain.prefix(x, at)
        if read is not None:  # what is kept is given in no less than single precision
            features = features.to(torch.promote_types(features.dtype, torch.float32))
        return chain.rest(features, at)

    def forward(self, batch: Batch, known: Embeddings | None = None) -> Embeddings:
        """Embeddings of this rank's batch; a tower in which nothing learns runs without a graph.

        Args:
            batch: On the device.
            known: What was made of this batch before, with the same weights; such a tower is not run again then, unless
                all its positions are needed.
        """
        known = None if self.local else known
        with contextlib.nullcontext() if self._vision else torch.no_grad():
            image = self._images(batch) if known is None or self._vision else known.image
        with contextlib.nullcontext() if self._text else torch.no_grad():
            captions = None if known is None or self._text else (known.positive, known.negative)
            positive, negative = captions or self._captions(batch)
        local: tuple[Tensor, Tensor] | tuple[None, None] = (None, None)
        if self.local:
            image, positive, negative, local = self._read(batch, image, positive, negative)
        return Embeddings(
            image=image,
            positive=positive,
            negative=negative,
            mask=batch.mask,
            scale=self.encoder.scale,
            local_positive=local[0],
            local_negative=local[1],
            image_keys=batch.image_keys,
            caption_keys=batch.caption_keys,
            kinds=batch.negative_kinds,
            learned={name: scalar.reshape(()) for name, scalar in self.encoder.learned.items()},
        )

    def _read(
        self,
        batch: Batch,
        image: Float[Tensor, "B P D"],
        positive: Float[Tensor, "B L D"],
        negative: Float[Tensor, "B K L D"],
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"], Float[Tensor, "B K D"], tuple[Tensor, Tensor]]:
        """Embeddings from the projections of all positions, and how well patches match tokens [B], [B, K].

        All tokens count but the start token and padding, so the end token does, as in the code of Oh et al. (2024).
        """
        captions = torch.cat([positive.unsqueeze(1), negative], dim=1)  # [B, 1 + K, L, D]
        ids = [_to_width(some, captions.shape[2]) for some in (batch.caption_ids.unsqueeze(1), batch.negative_ids)]
        at = position(self.encoder, torch.cat(ids, dim=1).flatten(0, 1)).view(captions.shape[:2])  # [B, 1 + K]
        pooled = torch.take_along_dim(captions, at[..., None, None], dim=2).flatten(0, 2)
        embedded = unit(pooled).view(*captions.shape[:2], -1)  # [B, 1 + K, D]
        place = torch.arange(captions.shape[2], device=at.device)
        counted = (place > 0) & (place <= at.unsqueeze(2))  # [B, 1 + K, L]; none where there is no negative
        with torch.autocast(captions.device.type, enabled=False):  # bfloat16 keeps 0.5 of a logit of 100
            wide = torch.promote_types(captions.dtype, torch.float32)
            match = local_similarity(image[:, 1:].to(wide), captions.to(wide), counted, self.encoder.scale.to(wide))
        local = match[:, 0], match[:, 1:].masked_fill(~batch.mask, 0.0)
        return unit(image[:, 0]), embedded[:, 0], embedded[:, 1:], local

    def _images(self, batch: Batch) -> Float[Tensor, "B ..."]:
        """[B, D], or [B, 1 + patches, D] where all positions are wanted."""
        tower = self._image_stages
        at = torch.zeros(len(batch.mask), dtype=torch.int64, device=batch.mask.device)  # the class token
        if self.frozen_images is not None:
            features = self.frozen_images(batch)
            return features if tower is None else tower.rest(features, at)
        if batch.pixels is None:
            raise ValueError("the batch has no pixels")
        if tower is None:
            return (self.encoder.project_image if self.local else self.encoder.encode_image)(batch.pixels)
        return tower.rest(tower.prefix(batch.pixels, at), at)

    def _captions(self, batch: Batch) -> tuple[Float[Tensor, "B ..."], Float[Tensor, "B K ..."]]:
        """Positives and negatives together. Negatives that are only padding are not encoded, and are zero.

        [B, D] and [B, K, D], or where all positions are wanted [B, L, D] and [B, K, L, D].
        """
        own = batch.negative_ids[batch.mask]  # [N, L']
        width = max(batch.caption_ids.shape[1], own.shape[1])
        ids = torch.cat([_to_width(batch.caption_ids, width), _to_width(own, width)])
        tower = self._text_stages
        # Equal captions share no dropout: each is to be thinned out on its own.
        if self.frozen_captions is None and (tower is None or drops(self.encoder.model.text_model)):
            if tower is None or tower.calls is PLAIN:
                embedded = (self.encoder.project_text if self.local else self.encoder.encode_text)(ids)
            else:
                embedded = tower.whole(ids, position(self.encoder, ids))
        else:
            embedded = self._different(tower, ids)
        positive, rest = embedded[: len(batch.caption_ids)], embedded[len(batch.caption_ids) :]
        negative = rest.new_zeros(*batch.mask.shape, *rest.shape[1:])
        return positive, negative.masked_scatter(batch.mask.view(*batch.mask.shape, *[1] * (rest.ndim - 1)), rest)

    def _different(self, tower: Stages | None, ids: Int64[Tensor, "N L"]) -> Float[Tensor, "N ..."]:
        """Each different text encoded once, next to texts of like length (exact: the tower is causal)."""
        behind = torch.arange(ids.shape[1], device=ids.device) > position(self.encoder, ids).unsqueeze(1)
        texts, which = torch.unique(ids.masked_fill(behind, 0), dim=0, return_inverse=True)
        at, order = position(self.encoder, texts).sort(stable=True)
        made = self._sorted(tower, texts[order], at)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        # A look-up whose gradient is summed in one order each time; that of an index is not, by several threads.
        return embedding(place[which], made.flatten(1)).view(len(ids), *made.shape[1:])

    def _sorted(self, tower: Stages | None, texts: Int64[Tensor, "N L"], at: Int64[Tensor, " N"]) -> Tensor:
        """Embeddings of different texts in the order of their lengths, [N, D]; or [N, L, D], zero in the padding."""
        kept = None if self.frozen_captions is None else self.frozen_captions(texts, at)
        if kept is not None and kept.ndim == 2:  # one vector each: there is no length to speak of
            return kept if tower is None else tower.rest(kept, at)
        if tower is None:
            raise ValueError("hidden states of a tower that cannot be cut in two")
        lengths = (at + 1).tolist()
        made = []
        for start, stop in buckets(lengths, OVERHEAD if texts.device.type == "cpu" else OVERHEAD_OF_A_GPU):
            end, longest = at[start:stop], lengths[stop - 1]
            some = tower.prefix(texts[start:stop, :longest], end) if kept is None else kept[start:stop, :longest]
            found = tower.rest(some, end)
            made.append(pad(found, (0, 0, 0, texts.shape[1] - longest)) if self.local else found)
        return torch.cat(made)


def _learns(chain: Stages) -> bool:
    """Whether any block does; of a tower that is frozen all through, a block may be run in each step all the same."""
    return any(p.requires_grad for block in chain.blocks for p in block.parameters())


def frozen_fields(encoder: DualEncoder) -> frozenset[str]:
    """Fields of `Embeddings` that come from a tower in which nothing learns."""
    names = [name for name, p in encoder.named_parameters() if p.requires_grad]
    vision = any(".vision_model." in name or ".visual_projection." in name for name in names)
    text = any(".text_model." in name or ".text_projection." in name for name in names)
    return frozenset([*(() if vision else ("image",)), *(() if text else ("positive", "negative"))])


def _to_width(ids: Int64[Tensor, "*N L"], width: int) -> Int64[Tensor, "*N M"]:
    return pad(ids, (0, width - ids.shape[-1]))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The same batch with its tensors on `device`."""
    tensors = {name: value for name, value in vars(batch).items() if isinstance(value, Tensor)}
    moved: dict[str, Any] = {name: value.to(device, non_blocking=True) for name, value in tensors.items()}
    return replace(batch, **moved)
