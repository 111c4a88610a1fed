"""The networks that can be trained, a file each.

May import backend, and Keras inside a network's `build` only. Open `table.py` first.
"""
