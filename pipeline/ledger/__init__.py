"""The ledger of decisions, its chain, its signatures, and the aliases that follow it.

May import registry and the rooms below it. Open `ledger.py` first.
"""
