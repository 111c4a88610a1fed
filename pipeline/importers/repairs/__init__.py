"""Repairs of awkward files that `segline import folder` makes if its options say so, and the words of its refusals.

May import vision, dataset and the rooms below them. Open `repairs.py` first.
"""
