"""Scans every sample, judges it, and writes Data Docs. The door to Great Expectations.

May import dataset and the rooms below it. Open `checks.py` first.
"""
