"""The data set's contract, its manifest, splits and packed arrays. The doors to DVC and to object stores.

May import vision, runtime. Open `contract.py` first.
"""
