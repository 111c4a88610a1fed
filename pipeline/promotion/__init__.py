"""A challenger against the champion: rivals, comparison, noise floor, re-scoring, the decision's page.

May import report, ledger and the rooms below them. Open `comparison.py` first.
"""
