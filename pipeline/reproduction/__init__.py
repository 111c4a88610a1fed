"""A registered version made again: its commit, data and packages in a folder of their own, and what differs then.

May import `provenance` and the rooms below it. Open `rebuild.py` first.
"""
