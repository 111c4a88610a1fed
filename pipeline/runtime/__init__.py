"""How programs run: ends and messages, stages, locks, guards, read-ahead, progress, cost. Changes no byte of output.

May import disk. Open `program.py` first.
"""
