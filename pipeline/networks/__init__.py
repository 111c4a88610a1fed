"""The networks that can be trained.

May import serving. Open `unet.py` first.
"""
