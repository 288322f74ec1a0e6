"""Formats: one reader per file, files in, pairs and counted rejects out; a reader knows no images folder."""

from hairsplit.core.catalog import Catalog
from hairsplit.data.formats._format import (
    OF_ANOTHER_FORMAT,
    REASONS,
    Format,
    ImageRows,
    InexactError,
    Note,
    Part,
    Parts,
    Row,
)

__all__ = [
    "FORMATS",
    "OF_ANOTHER_FORMAT",
    "REASONS",
    "Format",
    "ImageRows",
    "InexactError",
    "Note",
    "Part",
    "Parts",
    "Row",
]

FORMATS = Catalog("hairsplit.data.formats", Format, asked="FORMAT")
"""All formats by file name."""
