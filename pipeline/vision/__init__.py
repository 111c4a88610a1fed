"""Images and masks as arrays: codec, resizing, drawing, regions, counting, confusion, charts. The door to OpenCV.

May import runtime, disk. Open `codec.py` first.
"""
