"""Folders of images and labels become a data set: pairs, class lists, label maps, groups. The door to boto3.

May import dataset and the rooms below it. Open `pairs.py` first.
"""
