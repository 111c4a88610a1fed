"""What `segline clean` removes and what it keeps, place by place, and DVC's cache, remote and locks.

May import promotion and the rooms below it. Open `place.py` first.
"""
