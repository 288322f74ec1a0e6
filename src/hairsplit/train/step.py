"""One training step's forward pass: a batch in, the embeddings a loss sees out."""

import contextlib

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import pad

from hairsplit.core.tensors import Batch, Embeddings
from hairsplit.encoders.dual_encoder import DualEncoder


class Towers(nn.Module):
    """The encoder as one module with one forward pass, as engines that wrap a module need it."""

    def __init__(self, encoder: DualEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        names = [name for name, p in encoder.named_parameters() if p.requires_grad]
        self._vision = any(".vision_model." in name or ".visual_projection." in name for name in names)
        self._text = any(".text_model." in name or ".text_projection." in name for name in names)

    def forward(self, batch: Batch) -> Embeddings:
        """Embeddings of this rank's batch; a tower in which nothing learns runs without a graph."""
        with contextlib.nullcontext() if self._vision else torch.no_grad():
            image = self.encoder.encode_image(batch.pixels)
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

    def _captions(self, batch: Batch) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B K D"]]:
        """Positives and negatives in one pass, padded to the longest of them (exact: causal towers).

        Negatives that are only padding are not encoded; their embeddings are zero.
        """
        own = batch.negative_ids[batch.mask]  # [N, L']
        width = max(batch.caption_ids.shape[1], own.shape[1])
        ids = torch.cat([_to_width(batch.caption_ids, width), _to_width(own, width)])
        embedded = self.encoder.encode_text(ids)
        positive, rest = embedded[: len(batch.caption_ids)], embedded[len(batch.caption_ids) :]
        negative = rest.new_zeros(*batch.mask.shape, rest.shape[1])
        return positive, negative.masked_scatter(batch.mask.unsqueeze(-1), rest)


def _to_width(ids: Int64[Tensor, "N L"], width: int) -> Int64[Tensor, "N M"]:
    return pad(ids, (0, width - ids.shape[1]))


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The same batch with its tensors on `device`."""
    tensors = {name: value.to(device, non_blocking=True) for name, value in vars(batch).items() if name != "kinds"}
    return Batch(**tensors, kinds=batch.kinds)
