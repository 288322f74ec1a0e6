"""What the verbs of `hairsplit.api` do, one file each."""
