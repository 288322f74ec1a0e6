"""Hard negatives of plain captions by rule, one file each: a tagged sentence in, proposed changes out."""

from hairsplit.captions.from_text._rule import Rule
from hairsplit.core.catalog import Catalog

__all__ = ["RULES", "Rule"]

RULES = Catalog("hairsplit.captions.from_text", Rule, asked="--families")
"""All rules by file name."""
