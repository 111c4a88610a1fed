"""The report of a model: evidence, sections, charts, galleries, the page.

May import evaluation and what is below. Open `render.py` first.
"""
