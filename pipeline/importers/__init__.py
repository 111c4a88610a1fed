"""Importers, which bring labelled images of others in as a data set; `formats.py` lists them.

May import object_store, dataset and the rooms below it. Open `formats.py` first.
"""
