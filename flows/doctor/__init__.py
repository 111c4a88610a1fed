"""`segline doctor`: looks at machine, packages, servers, project and leftovers, and repairs what is safe.

May import flows and the rooms below it. Open `examination.py` first.
"""
