"""Trainings with changed params, each in a project of its own: the seeds of the noise floor, the trials of a search.

May import training, dataset and the rooms below them. Open `study.py` first.
"""
