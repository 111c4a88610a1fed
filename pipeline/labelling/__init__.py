"""Active labelling: which images are worth a label next, and their predictions as annotation tools read them.

May import importers, validation and the rooms below them. Open `selection.py` first.
"""
