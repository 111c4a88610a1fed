"""Tests of pipeline/validation/."""
