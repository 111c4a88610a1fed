"""Trainings with changed params, each in a project of its own: seeds of the noise floor, trials of a search, folds.

May import training, dataset and the rooms below them. Open `study.py` first.
"""
