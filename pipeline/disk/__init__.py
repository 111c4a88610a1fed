"""Files of ours: whole writes, MD5s, records as JSON and CSV, YAML as DVC reads it, what may be opened of a user's.

May import no other room. Open `files.py` first.
"""
