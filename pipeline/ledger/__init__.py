"""The ledger of decisions, its chain and signatures, and the aliases that follow it.

May import registry, runtime. Open `ledger.py` first.
"""
