"""What every program needs and no model depends on: files, locks, processes' ends, progress, text, records.

May import nothing but `pipeline.errors`. Open `files.py` first.
"""
