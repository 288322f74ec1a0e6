"""One self-contained page from evaluation and run folders, and its figures; imports no torch."""
