"""Publications of the champion where TensorFlow Serving reads them: their record, signature, places and checks.

May import ledger and the rooms below it. Open `champion.py` first.
"""
