"""Caption families: one file each, facts in, drafts of true and false captions out."""
