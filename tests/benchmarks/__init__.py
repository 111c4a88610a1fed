"""Benchmarks: `python -m tests.benchmarks.NAME`, whose last line is one JSON object."""
