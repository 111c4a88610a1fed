"""Planning: what a data set and a machine are like, and the params that fit them.

May import trials and the rooms below it. Open `plan.py` first.
"""
