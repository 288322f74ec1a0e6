"""An independent checker of captions: text -> form -> truth on the raw scene graph (CAPTIONS 7.3, 7.8).

It has its own grammar, its own words and its own three-valued truth, and imports nothing of `hairsplit.captions` or
`hairsplit.scenes`: generator and checker can only agree by both being right.
"""
