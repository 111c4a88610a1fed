"""The report on a model: one HTML page. Python computes records; words and markup are in `templates/`.

May import registry and the rooms below it. Open `render.py` first, then `templates/report.html.j2`.
"""
