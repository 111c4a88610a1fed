"""Tests of pipeline/retention/."""
