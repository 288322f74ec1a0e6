"""CLIP-like dual encoders: tokens, image preprocessing, towers, weights in every layout, what may learn."""
