"""The networks that can be trained.

May import backend. Open `unet.py` first.
"""
