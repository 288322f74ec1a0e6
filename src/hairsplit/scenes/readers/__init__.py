"""Scene graph files, one reader per layout."""
