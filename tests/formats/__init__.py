"""Writers of the formats that `segline import` reads; `table.py` lists them.

Each writes images (H, W, 3) uint8 and masks (H, W) uint8, 255 = ignored, by name into a folder, and gives the words
behind `segline import` that bring them back, as said in that folder. The ids stay those of the masks.
"""
