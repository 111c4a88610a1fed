"""Folders of photos and labels become a data set: pairs, class lists, masks, groups; `demo/` draws one.

May import dataset, vision, runtime. Open `pairs.py` first.
"""
