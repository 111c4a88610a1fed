"""Scores of a model on a test split: intervals, boundaries, calibration, slices, suspected labels; the verdict.

May import serving and the rooms below it. Open `scorer.py` first.
"""
