"""Draws the street scenes of the demo.

May import what importers may import. Open `scenes.py` first.
"""
