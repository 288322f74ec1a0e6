"""Hard negative captions from scene graphs: true and false by construction, one slot apart."""

from hairsplit.captions._family import Family
from hairsplit.core.catalog import Catalog

__all__ = ["FAMILIES", "Family"]

FAMILIES = Catalog("hairsplit.captions.families", Family, asked="--families")
"""All caption families by file name."""
