"""Nothing is fetched unless asked; this is where asking is understood."""

import os

DOWNLOAD = "HAIRSPLIT_DOWNLOAD"
"""Environment variable that allows it."""


def may_download() -> bool:
    """Whether the environment allows fetching from the hub."""
    return os.environ.get(DOWNLOAD, "").lower() in {"1", "true", "yes"}
