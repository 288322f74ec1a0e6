"""The drawn world: seeded scenes of coloured shapes whose whole truth is known."""
