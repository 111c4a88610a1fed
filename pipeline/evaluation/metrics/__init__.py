"""Metrics of a model on a test split, a file each, and the table of them.

May import what evaluation may import. Open `table.py` first.
"""
