"""The ledger of decisions, its chain and signatures, and the aliases that follow it.

May import registry and the rooms below it. Open `ledger.py` first.
"""
