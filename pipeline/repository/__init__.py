"""The git repository: commands of git, and the clone in which scheduled runs work and leave a commit each.

May import `disk` and `runtime`. Open `checkout.py` first.
"""
