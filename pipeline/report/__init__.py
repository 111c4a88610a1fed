"""The report of a model: evidence, sections, galleries, the page.

May import registry and the rooms below it. Open `render.py` first.
"""
