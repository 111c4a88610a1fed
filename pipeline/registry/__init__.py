"""Registered models in MLflow: versions, runs, lineage, downloads. The door to MLflow.

May import evaluation and the rooms below it. Open `client.py` first.
"""
