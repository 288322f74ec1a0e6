"""hairsplit: teach CLIP-like models to tell a true caption from a hard negative one."""

__version__ = "0.1.0"
