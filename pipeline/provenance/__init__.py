"""The provenance of a registered version: everything hashed again, and the chain as a picture and in open formats.

May import ledger and the rooms below it. Open `verification.py` first.
"""
