"""Draws the street scenes of the demo.

May import importers, dataset, vision, runtime. Open `scenes.py` first.
"""
