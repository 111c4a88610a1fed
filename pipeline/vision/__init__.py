"""Pictures as arrays: reading and writing them, resizing, cleaning, edges and areas. The door to OpenCV.

May import runtime. Open `images.py` first.
"""
