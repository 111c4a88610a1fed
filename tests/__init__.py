"""The tests mirror the tree: `pipeline/NAME.py` has `tests/test_NAME.py`."""
