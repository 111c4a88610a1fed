"""A challenger against the champion: comparison, rivals, noise floor, re-scoring, the decision's page.

May import report, ledger, registry and what is below. Open `comparison.py` first.
"""
