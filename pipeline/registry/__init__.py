"""Registered models in MLflow: versions, runs, lineage, downloads. The door to MLflow.

May import evaluation, serving, dataset, vision, runtime. Open `client.py` first.
"""
