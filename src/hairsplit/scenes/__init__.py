"""Scene graphs: what is true of a picture, read from files or drawn by us."""
