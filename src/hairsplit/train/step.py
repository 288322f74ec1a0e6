"""One training step's forward pass: a batch in, the embeddings a loss sees out."""

import contextlib

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import embedding, pad

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.encoders.stages import Stages, drops, position, stages
from hairsplit.train.buckets import OVERHEAD, OVERHEAD_OF_A_GPU, buckets


class Towers(nn.Module):
    """The encoder as one module with one forward pass, as engines that wrap a module need it.

    Only what counts is computed: of a tower's last block the one position that is read, of equal captions one, and
    next to no padding; the embeddings and gradients are those of `encode_image` and `encode_text`.

    Args:
        encoder: What learns in it must be set before.
        sharded: The engine shards the encoder (FSDP, ZeRO-3): its hooks need whole blocks, and all ranks to pass
            through them equally often, so all captions go through the text tower at once.
    """

    def __init__(self, encoder: DualEncoder, *, sharded: bool = False) -> None:
        super().__init__()
        self.encoder = encoder
        names = [name for name, p in encoder.named_parameters() if p.requires_grad]
        self._vision = any(".vision_model." in name or ".visual_projection." in name for name in names)
        self._text = any(".text_model." in name or ".text_projection." in name for name in names)
        self._image_stages = None if sharded else stages(encoder, "image")
        self._text_stages = None if sharded else stages(encoder, "text")

    def forward(self, batch: Batch) -> Embeddings:
        """Embeddings of this rank's batch; a tower in which nothing learns runs without a graph."""
        with contextlib.nullcontext() if self._vision else torch.no_grad():
            image = self._images(batch.pixels)
        with contextlib.nullcontext() if self._text else torch.no_grad():
            positive, negative = self._captions(batch)
        return Embeddings(
            image=image,
            positive=positive,
            negative=negative,
            mask=batch.mask,
            scale=self.encoder.scale,
            image_keys=batch.image_keys,
            caption_keys=batch.caption_keys,
        )

    def _images(self, pixels: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
        tower = self._image_stages
        if tower is None:
            return self.encoder.encode_image(pixels)
        at = torch.zeros(len(pixels), dtype=torch.int64, device=pixels.device)  # the class token
        return tower.rest(tower.prefix(pixels, at), at)

    def _captions(self, batch: Batch) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B K D"]]:
        """Positives and negatives together. Negatives that are only padding are not encoded, and are zero."""
        own = batch.negative_ids[batch.mask]  # [N, L']
        width = max(batch.caption_ids.shape[1], own.shape[1])
        ids = torch.cat([_to_width(batch.caption_ids, width), _to_width(own, width)])
        tower = self._text_stages
        # Equal captions share no dropout: each is to be thinned out on its own.
        if tower is None or drops(self.encoder.model.text_model):
            embedded = self.encoder.encode_text(ids)
        else:
            embedded = self._different(tower, ids)
        positive, rest = embedded[: len(batch.caption_ids)], embedded[len(batch.caption_ids) :]
        negative = rest.new_zeros(*batch.mask.shape, rest.shape[1])
        return positive, negative.masked_scatter(batch.mask.unsqueeze(-1), rest)

    def _different(self, tower: Stages, ids: Int64[Tensor, "N L"]) -> Float[Tensor, "N D"]:
        """Each different text encoded once, next to texts of like length (exact: the tower is causal)."""
        behind = torch.arange(ids.shape[1], device=ids.device) > position(self.encoder, ids).unsqueeze(1)
        texts, which = torch.unique(ids.masked_fill(behind, 0), dim=0, return_inverse=True)
        at, order = position(self.encoder, texts).sort(stable=True)
        texts, lengths = texts[order], (at + 1).tolist()
        overhead = OVERHEAD if ids.device.type == "cpu" else OVERHEAD_OF_A_GPU
        made = []
        for start, stop in buckets(lengths, overhead):
            some, end = texts[start:stop, : lengths[stop - 1]], at[start:stop]
            made.append(tower.rest(tower.prefix(some, end), end))
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        # A look-up whose gradient is summed in one order each time; that of an index is not, by several threads.
        return embedding(place[which], torch.cat(made))


def _to_width(ids: Int64[Tensor, "N L"], width: int) -> Int64[Tensor, "N M"]:
    return pad(ids, (0, width - ids.shape[1]))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The same batch with its tensors on `device`."""
    tensors = {name: value.to(device, non_blocking=True) for name, value in vars(batch).items() if name != "kinds"}
    return Batch(**tensors, kinds=batch.kinds)
