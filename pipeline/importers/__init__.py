"""Importers, which bring labelled images of others in as a data set; `formats.py` lists them. The door to boto3.

May import dataset and the rooms below it. Open `formats.py` first.
"""
