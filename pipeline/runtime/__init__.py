"""How programs run: ends and messages, locks, processes side by side, progress, cost. Changes no byte of output.

May import disk. Open `program.py` first.
"""
