"""Losses: one file each, a pure function of the global batch's embeddings that knows no rank, model or step."""

from hairsplit.core.catalog import Catalog
from hairsplit.losses._entry import Compat, Loss, LossSpec
from hairsplit.losses._local import local_similarity

__all__ = ["LOSSES", "Compat", "Loss", "LossSpec", "local_similarity"]

LOSSES = Catalog("hairsplit.losses", Loss, besides=("objectives",))
"""All losses by file name."""
