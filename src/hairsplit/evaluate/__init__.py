"""Judging a model: metrics, intervals, baselines and the suites they are applied to."""
