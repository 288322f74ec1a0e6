"""Ways to say where in a picture some words of a caption lie: second order, and what it is measured against."""

from hairsplit.core.catalog import Catalog
from hairsplit.explain.methods._method import Heats, Method

__all__ = ["METHODS", "Heats", "Method"]

METHODS = Catalog("hairsplit.explain.methods", Method, asked="method")
"""All methods by file name."""
