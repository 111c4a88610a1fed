"""Tests of the room pipeline/changes."""
