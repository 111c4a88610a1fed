"""Looks at every sample, judges it and writes Data Docs. The door to Great Expectations.

May import dataset, vision, runtime. Open `checks.py` first.
"""
