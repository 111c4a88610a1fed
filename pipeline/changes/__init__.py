"""Two versions of a data set compared: samples, labels, classes and groups that differ.

May import evaluation and the rooms below it. Open `comparison.py` first.
"""
