"""Losses of semantic segmentation that leave ignored pixels out, a file each.

May import what training may import, and Keras inside of functions only. Open `table.py` first.
"""
