"""Tests of the whole, as a user would run it."""
