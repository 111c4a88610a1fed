"""How far a decision's claim reaches: attempts on one test split, and the differences that the split can show.

May import comparison, findings, ledger and the rooms below them. Open `attempts.py` first.
"""
