"""Tests of segline/: the Python API and the command."""
