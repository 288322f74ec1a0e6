"""Words that several layers print."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """1 -> "1 pair", 2000 -> "2,000 pairs"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
