"""A challenger against the champion: references, re-scoring, comparison, rules, the decision and its report.

May import report, ledger and the rooms below them. Open `decide.py` first.
"""
