"""Tests of pipeline/importers/demo/."""
