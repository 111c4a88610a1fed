"""Images and masks as arrays: decoding, resizing, cleaning, confusion counts, charts. The door to OpenCV.

May import runtime, disk. Open `images.py` first.
"""
