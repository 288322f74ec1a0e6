"""Bundles: data sets that bring their pictures with them; one reader per file, samples of bytes and texts out."""

from hairsplit.core.catalog import Catalog
from hairsplit.data.bundles._bundle import COLUMNS, Bundle, Choice, Sample

__all__ = ["BUNDLES", "COLUMNS", "Bundle", "Choice", "Sample"]

BUNDLES = Catalog("hairsplit.data.bundles", Bundle)
"""All bundles by file name."""
