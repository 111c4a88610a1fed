"""Tests of pipeline/importers/."""
