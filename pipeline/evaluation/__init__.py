"""Scores of a model on a test split: metrics, intervals, slices, suspected labels; the verdict and its words.

May import serving and the rooms below it. Open `scorer.py` first, `metrics/table.py` for a metric.
"""
