"""How programs run: ends and messages, stages, locks, guards, read-ahead, a cluster, progress, cost.

Changes no byte of output. May import disk. Open `program.py` first.
"""
