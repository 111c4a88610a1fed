"""A team's servers: what runs on them, and the servers themselves as processes of one machine.

May import flows and pipeline. Open `deploy.py` first.
"""
