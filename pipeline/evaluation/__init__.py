"""Scores of predictions: confusion, boundaries, calibration, intervals, suspected labels, the verdict.

May import serving, dataset, vision, runtime. Open `scorer.py` first.
"""
