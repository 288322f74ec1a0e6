"""Formats: one reader per file, files in, pairs and counted rejects out; a reader knows no images folder."""

from hairsplit.core.catalog import Catalog
from hairsplit.data.formats._format import REASONS, Format, Note, Row

__all__ = ["FORMATS", "REASONS", "Format", "Note", "Row"]

FORMATS = Catalog("hairsplit.data.formats", Format)
"""All formats by file name."""
