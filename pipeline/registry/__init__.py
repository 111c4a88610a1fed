"""Registered models in MLflow: versions, runs, lineage, downloads. `client.py` and `runs.py` are the door to MLflow.

May import evaluation and the rooms below it. Open `client.py` first.
"""
