"""The data set: its contract, manifest, splits, packed arrays and versions. The door to DVC.

May import vision, runtime, disk. Open `contract.py` first.
"""
